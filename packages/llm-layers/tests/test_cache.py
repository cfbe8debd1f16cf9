"""Decoding with a cache gives what the whole text gives; and where a cache drops positions, it says so."""

import random
from dataclasses import replace

import pytest
import torch

from llm_layers import EAGER, FUSED, GrowingCache, KeyValueCache, LayerCache, LayersError, SlidingCache, StaticCache

LENGTH, WINDOW = 24, 5
CUTS = [(1,) * LENGTH, (12,) + (1,) * 12, (7, 7, 7, 3), (16, 8), (23, 1)]
KINDS = {
    "growing": lambda window: GrowingCache(),
    "static": lambda window: StaticCache(LENGTH),
    "sliding": lambda window: SlidingCache(window or LENGTH),
    "sliding with rollback": lambda window: SlidingCache(window or LENGTH, rollback=3),
}


def in_order(parts):
    """A sum from left to right, whatever the number of rows: no kernel that adds in blocks."""
    total = torch.zeros(())
    for part in parts:
        total = total + part
    return total


def linear_in_order(x, weight, bias=None):
    assert bias is None
    return in_order(a.unsqueeze(-1) * column for a, column in zip(x.unbind(-1), weight.unbind(-1), strict=True))


def attention_in_order(query, key, value, mask=None):
    coordinates = zip(query.unbind(-1), key.unbind(-1), strict=True)
    scores = in_order(q.unsqueeze(-1) * k.unsqueeze(-2) for q, k in coordinates) * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    e = (scores - scores.amax(-1, keepdim=True)).exp()
    mixed = in_order(w.unsqueeze(-1) * v.unsqueeze(-2) for w, v in zip(e.unbind(-1), value.unbind(-2), strict=True))
    return mixed / in_order(e.unbind(-1)).unsqueeze(-1)


def decode(model, tokens, cuts, make):
    cache = KeyValueCache([make() for _ in model.blocks])
    parts = [model(part, cache) for part in tokens.split(cuts, dim=1)]
    assert cache.length == sum(cuts)
    return torch.cat(parts, dim=1)


@pytest.fixture
def text():
    return torch.randint(0, 23, (2, LENGTH), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("window", [None, WINDOW])
@pytest.mark.parametrize("cuts", CUTS[:3], ids=["one by one", "text, then one by one", "in pieces"])
def test_in_a_fixed_order_cached_equals_uncached_to_the_last_bit(
    window, cuts, text, small_config, random_model, monkeypatch
):
    # d_ff 16: torch's SiLU works on 16 numbers at once, and what is left over may differ from these in the last bit.
    config = small_config(d_ff=16, window=window)
    model = random_model(config, kernels=replace(EAGER, attention=attention_in_order))
    monkeypatch.setattr(torch.nn.functional, "linear", linear_in_order)
    with torch.inference_mode():
        whole = model(text)
        for kind, make in KINDS.items():
            assert torch.equal(decode(model, text, cuts, lambda make=make: make(window)), whole), kind


@pytest.mark.parametrize("window", [None, WINDOW])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_with_fast_kernels_it_stays_within_the_stated_bound(window, dtype, text, small_config, random_model):
    bound = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype]
    model = random_model(small_config(window=window)).to(dtype)
    with torch.inference_mode():
        whole = model(text)
        for kind, make in KINDS.items():
            for cuts in CUTS:
                error = (decode(model, text, cuts, lambda make=make: make(window)) - whole).abs().max()
                assert error <= bound * whole.abs().max(), (kind, cuts)


@pytest.mark.parametrize("window", [None, WINDOW])
def test_the_kind_of_cache_moves_no_bit_where_the_same_keys_are_kept(window, text, small_config, random_model):
    model = random_model(small_config(window=window))
    with torch.inference_mode():
        for cuts in CUTS:
            growing = decode(model, text, cuts, GrowingCache)
            assert torch.equal(growing, decode(model, text, cuts, lambda: StaticCache(30)))
            assert torch.equal(growing, decode(model, text, cuts, lambda: SlidingCache(LENGTH)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [None, WINDOW])
def test_a_text_read_in_one_piece_is_equal_to_the_last_bit(kind, window, text, small_config, random_model):
    model = random_model(small_config(window=window))
    with torch.inference_mode():
        assert torch.equal(decode(model, text, (LENGTH,), lambda: KINDS[kind](window)), model(text))


def test_fused_attention_reads_a_sliding_cache_too(text, small_config, random_model):
    model = random_model(small_config(window=WINDOW), kernels=FUSED).double()
    with torch.inference_mode():
        found = decode(model, text, (7, 1, 1, 1, 14), lambda: SlidingCache(WINDOW))
        torch.testing.assert_close(found, model(text), rtol=0, atol=1e-12)


def test_blocks_may_keep_different_kinds(text, small_config, random_model):
    model = random_model(small_config(window=WINDOW, global_layers=(1,))).double()
    with torch.inference_mode():
        cache = KeyValueCache([SlidingCache(WINDOW), StaticCache(LENGTH)])
        found = torch.cat([model(part, cache) for part in text.split((9, 1, 1, 13), dim=1)], dim=1)
        torch.testing.assert_close(found, model(text), rtol=0, atol=1e-12)
        assert (cache.layers[0].positions, cache.layers[1].positions) == (range(20, 24), range(24))


class ForeignCache:
    """Somebody else's: joins at every step and keeps everything."""

    def __init__(self):
        self.rows, self.min_length = None, 0

    @property
    def length(self):
        return 0 if self.rows is None else self.rows[0].shape[2]

    @property
    def positions(self):
        return range(self.length)

    def append(self, keys, values):
        new = (keys, values)
        self.rows = new if self.rows is None else tuple(torch.cat(pair, 2) for pair in zip(self.rows, new, strict=True))
        return self.rows

    def truncate(self, length):
        self.rows = tuple(part[:, :, :length] for part in self.rows)


def test_a_foreign_cache_works(text, model):
    assert isinstance(ForeignCache(), LayerCache)
    with torch.inference_mode():
        assert torch.equal(decode(model, text, (5, 1, 18), ForeignCache), decode(model, text, (5, 1, 18), GrowingCache))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("make", [
    GrowingCache, lambda: StaticCache(4000), lambda: SlidingCache(1), lambda: SlidingCache(6),
    lambda: SlidingCache(6, rollback=4), lambda: SlidingCache(1, rollback=2), lambda: SlidingCache(90),
])  # fmt: skip
def test_any_order_of_reading_and_forgetting_gives_the_keys_of_its_positions(make, seed):
    chance, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    cache, keys, values = make(), torch.zeros(2, 3, 0, 4), torch.zeros(2, 3, 0, 4)
    for _ in range(60):
        if chance.random() < 0.3:
            length = chance.randint(cache.min_length, cache.length)
            cache.truncate(length)
            keys, values = keys[:, :, :length], values[:, :, :length]
        new = chance.choice([0, 1, 1, 1, 2, 7, 40])
        keys = torch.cat((keys, torch.randn(2, 3, new, 4, generator=generator)), 2)
        values = torch.cat((values, torch.randn(2, 3, new, 4, generator=generator)), 2)
        before = cache.positions
        assert before.stop == cache.length
        found = cache.append(keys[:, :, before.stop :], values[:, :, before.stop :])
        assert cache.length == keys.shape[2]
        assert torch.equal(found[0], keys[:, :, before.start :])
        assert torch.equal(found[1], values[:, :, before.start :])


def rows(count, batch=1):
    return torch.arange(count, dtype=torch.float32).reshape(1, 1, count, 1).expand(batch, 2, count, 3)


def test_a_sliding_cache_stays_small_however_long_the_text():
    cache = SlidingCache(16)
    for _ in range(2000):
        keys, _ = cache.append(rows(1), rows(1))
    assert (cache.length, cache.positions) == (2000, range(1985, 2000))
    assert keys.untyped_storage().nbytes() <= 2 * 16 * 2 * 3 * 4
    # A long piece is read with all its keys; at the next step its room is given back.
    cache.append(rows(1000), rows(1000))
    keys, _ = cache.append(rows(1), rows(1))
    assert keys.shape[2] == 16
    assert keys.untyped_storage().nbytes() <= 2 * 16 * 2 * 3 * 4


def test_a_static_cache_never_moves_and_says_when_it_is_full():
    cache = StaticCache(4)
    first, _ = cache.append(rows(3), rows(3))
    with pytest.raises(LayersError, match=r"cache of 4 positions holds 3 and cannot take 2 more.*larger capacity"):
        cache.append(rows(2), rows(2))
    assert cache.length == 3
    last, _ = cache.append(rows(1), rows(1))
    assert last.data_ptr() == first.data_ptr()
    assert last[0, 0, :, 0].tolist() == [0, 1, 2, 0]


def test_a_sliding_cache_goes_back_only_as_far_as_its_window_is_whole():
    strict, rollback = SlidingCache(4), SlidingCache(4, rollback=3)
    for cache, min_length, span in ((strict, 10, "must be 10"), (rollback, 7, "must lie between 7 and 10")):
        cache.append(rows(10), rows(10))
        assert (cache.min_length, cache.positions) == (min_length, range(7, 10))
        with pytest.raises(LayersError, match=rf"{span}, .*was {min_length - 1}; the keys.*`rollback`"):
            cache.truncate(min_length - 1)
        with pytest.raises(LayersError, match=rf"{span}, the cache's own, but was 11$"):
            cache.truncate(11)
        assert cache.length == 10
    rollback.truncate(7)
    assert (rollback.positions, rollback.min_length) == (range(4, 7), 7)
    short = SlidingCache(4)
    short.append(rows(3), rows(3))
    short.truncate(0)  # nothing was dropped yet
    assert (short.length, short.positions) == (0, range(0))


def test_when_one_layer_cannot_go_back_none_does():
    cache = KeyValueCache([GrowingCache(), SlidingCache(4, rollback=1)])
    for layer in cache.layers:
        layer.append(rows(9), rows(9))
    with pytest.raises(LayersError, match="between 8 and 9"):
        cache.truncate(5)
    assert [layer.length for layer in cache.layers] == [9, 9]
    cache.truncate(8)
    assert [layer.length for layer in cache.layers] == [8, 8]


@pytest.mark.parametrize("make", [GrowingCache, lambda: StaticCache(9), lambda: SlidingCache(3)])
def test_a_cache_refuses_what_it_would_lose_or_mix_up(make):
    cache = make()
    cache.append(rows(2), rows(2))
    with pytest.raises(LayersError, match=r"keys must be of the same batch.* \(1, 2, 3, .*but were \(4, 2, 3, "):
        cache.append(rows(1, batch=4), rows(1, batch=4))
    with pytest.raises(LayersError, match=r"values must be of.*float32.*but were.*float64.*one cache for each batch"):
        cache.append(rows(1), rows(1).double())
    for keys, values in ((rows(1).clone().requires_grad_(), rows(1)), (rows(1), rows(1).clone().requires_grad_())):
        with pytest.raises(LayersError, match="inference_mode"):
            cache.append(keys, values)
        with torch.no_grad():
            cache.append(keys, values)
    assert cache.length == 4


def test_sizes_that_make_no_sense_are_explained():
    with pytest.raises(LayersError, match="capacity must be at least 1 position, but was 0"):
        StaticCache(0)
    with pytest.raises(LayersError, match="window must be at least 1 and rollback at least 0, but they were 0 and 0"):
        SlidingCache(0)
    with pytest.raises(LayersError, match="they were 4 and -1"):
        SlidingCache(4, rollback=-1)
    with pytest.raises(LayersError, match="one cache for each block"):
        KeyValueCache([])
