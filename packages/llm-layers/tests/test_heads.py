"""What the contracts of masks, caps and heads leave open: masks of their own for each text, words of errors."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from llm_layers import (
    EAGER,
    FAST,
    LayersError,
    attention,
    cached_attention,
    capped_attention,
    causal_mask,
    fused_attention,
    grouped_query_attention,
    merge_heads,
    multi_head_attention,
    multi_query_attention,
    sliding_window_mask,
    soft_cap,
    split_heads,
)


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def test_each_text_of_a_batch_may_have_a_mask_of_its_own():
    query, key, value = draw(2, 6, 4, 3), draw(2, 3, 5, 3), draw(2, 3, 5, 3)
    mask = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(1)) < 0.6
    both = grouped_query_attention(query, key, value, mask)
    shared = multi_query_attention(query, key[:, 0], value[:, 0], mask)
    for text in range(2):
        for head in range(6):
            one = attention(query[text, head], key[text, head // 2], value[text, head // 2], mask[text])
            torch.testing.assert_close(both[text, head], one, rtol=0, atol=1e-14)
            one = attention(query[text, head], key[text, 0], value[text, 0], mask[text])
            torch.testing.assert_close(shared[text, head], one, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kernel", [fused_attention, FAST.attention], ids=["fused", "fast"])
@pytest.mark.parametrize("leading", [(2,), (3, 2), (3, 1)])
def test_a_mask_may_have_axes_that_the_vectors_lack(kernel, leading):
    query, key, value = draw(2, 4, 3), draw(2, 5, 3), draw(5, 3)
    mask = torch.rand(*leading, 4, 5, generator=torch.Generator().manual_seed(1)) < 0.6
    wanted = attention(query, key, value, mask)
    torch.testing.assert_close(kernel(query, key, value, mask), wanted, rtol=0, atol=1e-14)


def test_multi_head_attention_is_torchs_module():
    x, module = draw(2, 5, 8), torch.nn.MultiheadAttention(8, 4, bias=False, batch_first=True).double()
    mask = causal_mask(torch.arange(5), torch.arange(5))
    weights = module.in_proj_weight.chunk(3)
    found = multi_head_attention(x, *weights, module.out_proj.weight, 4, mask)
    torch.testing.assert_close(found, module(x, x, x, attn_mask=~mask)[0], rtol=0, atol=1e-14)


def test_merging_undoes_splitting():
    x = draw(2, 3, 12)
    assert torch.equal(merge_heads(split_heads(x, 4)), x)


def test_attention_piece_by_piece_is_attention_at_once():
    query, key, value = draw(2, 9, 4), draw(2, 9, 4) + 1, draw(2, 9, 4) - 1
    positions = torch.arange(9)
    whole = attention(query, key, value, causal_mask(positions, positions))
    for start, end in ((0, 4), (4, 5), (5, 9)):
        new, old = slice(start, end), slice(start)
        found = cached_attention(
            query[:, new], key[:, new], value[:, new], positions[new], key[:, old], value[:, old], positions[old]
        )
        torch.testing.assert_close(found, whole[:, new], rtol=0, atol=1e-14)


def test_n_layers_of_a_window_hear_from_n_times_as_far():
    positions = torch.arange(20)
    sees = sliding_window_mask(positions, positions, 4)
    heard = torch.eye(20, dtype=torch.bool)
    for layers in range(1, 5):
        heard = (sees.float() @ heard.float()) > 0
        assert heard[19].nonzero().min().item() == 19 - 3 * layers


def test_a_cap_far_above_all_scores_changes_nothing_and_a_low_one_bounds_the_shares():
    query, key, value = draw(3, 4), draw(5, 4), draw(5, 4)
    torch.testing.assert_close(
        capped_attention(query, key, value, None, 1e6), attention(query, key, value), rtol=0, atol=1e-10
    )
    # One key fits a thousand times better: without a cap it takes all, with a cap of 1 at most e² times another.
    keys, values = draw(4, 4), torch.eye(4, dtype=torch.float64)
    assert attention(1000 * keys[:1], keys, values).max() > 0.999
    mixed = capped_attention(1000 * keys[:1], keys, values, None, 1.0)
    assert (mixed.max() / mixed.min()).item() <= 7.39


def test_a_model_takes_capped_attention_as_its_kernel(tokens, small_config, random_model):
    plain = random_model(small_config())(tokens)

    def with_cap(cap):
        return random_model(small_config(), kernels=replace(EAGER, attention=partial(capped_attention, cap=cap)))

    high, low = with_cap(1e5)(tokens), with_cap(0.5)(tokens)
    torch.testing.assert_close(plain, high, rtol=0, atol=1e-3)
    assert (plain - low).abs().max() > 0.01


def test_mistakes_in_the_call_are_explained():
    x, positions = draw(2, 6), torch.arange(2)
    with pytest.raises(LayersError, match="heads must divide the width of x, 6, into equal parts, but was 4"):
        split_heads(x, 4)
    with pytest.raises(LayersError, match="heads must divide the width of x, 6, into equal parts, but was 4"):
        multi_head_attention(x, draw(6, 6), draw(6, 6), draw(6, 6), draw(6, 6), 4)
    with pytest.raises(LayersError, match="multiple of the key heads, 2, but were 3"):
        grouped_query_attention(draw(3, 2, 4), draw(2, 2, 4), draw(2, 2, 4))
    with pytest.raises(LayersError, match="window must be at least 1, the query's own position, but was 0"):
        sliding_window_mask(positions, positions, 0)
    for cap in (0.0, -1.0, float("nan")):
        with pytest.raises(LayersError, match=f"cap must be a positive number, but was {cap}"):
            soft_cap(x, cap)
