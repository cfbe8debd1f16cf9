"""What the specification does not say of dropout: the draws, training against use, the errors."""

import math
import shutil
import subprocess
import sys

import pytest
import torch

from llm_layers import EAGER, FAST, FUSED, Decoder, Dropout, LayersError, dropout, dropout_mask, load_model, save_model

KEYS = torch.tensor([11, -(2**40), 2**62 + 5])


def seeded(rate: float, seed: int = 3) -> Dropout:
    return Dropout(rate, generator=torch.Generator().manual_seed(seed))


def test_in_use_and_at_rate_zero_nothing_happens():
    x = torch.randn(3, 4)
    assert seeded(0.5).eval()(x) is x
    assert seeded(0.0)(x) is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_struck_out_is_the_rate_and_the_rest_is_enlarged(rate):
    count = 200_000
    y = seeded(rate)(torch.ones(count))
    struck = int((y == 0).sum())
    # Five standard deviations of a binomial count.
    assert abs(struck - rate * count) < 5 * math.sqrt(count * rate * (1 - rate))
    assert torch.equal(y[y != 0], torch.full((count - struck,), 1.0) / (1.0 - rate))


def test_each_step_draws_anew_and_a_seed_draws_again_the_same():
    x = torch.ones(1000)
    layer, again = seeded(0.5), seeded(0.5)
    first = layer(x)
    assert torch.equal(first, again(x))
    assert not torch.equal(first, layer(x))


def test_the_gradient_passes_where_the_number_passed():
    x = torch.randn(500, requires_grad=True)
    y = seeded(0.25)(x)
    y.sum().backward()
    expected = torch.where(y != 0, torch.tensor(1.0) / 0.75, 0.0)
    torch.testing.assert_close(x.grad, expected, rtol=1e-6, atol=0.0)


def test_bfloat16_is_struck_out_at_the_same_places_as_float32():
    x = torch.ones(4096)
    assert torch.equal(seeded(0.999)(x) != 0, seeded(0.999)(x.bfloat16()) != 0)
    assert seeded(0.5)(x.bfloat16()).dtype == torch.bfloat16


def test_what_is_struck_out_is_zero_even_if_it_was_infinite():
    x = torch.tensor([math.inf, math.nan, 1.0])
    assert dropout(x, torch.tensor([False, False, True]), 0.5).tolist() == [0.0, 0.0, 2.0]


@pytest.mark.parametrize("rate", [1.0, 1.5, -0.1, math.nan])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(LayersError, match=r"rate must be at least 0 and less than 1.*but was"):
        Dropout(rate)
    with pytest.raises(LayersError, match="rate must be"):
        dropout(torch.ones(1), torch.ones(1, dtype=torch.bool), rate)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_draws_by_keys_are_even_and_those_of_two_places_have_nothing_in_common(rate):
    count = 400 * 500
    first, second = (dropout_mask(torch.tensor([3, 4]), site, 400, 500, rate).flatten(1) for site in (1, 2))
    others = (first[1], second[0], first[0].roll(1), first[0].roll(500))
    deviation = math.sqrt(count * rate * (1 - rate))
    for mask in (*first, *second):
        assert abs(int((~mask).sum()) - rate * count) < 5 * deviation
    for other in others:  # struck out in both: as often as chance has it
        both = int((~first[0] & ~other).sum())
        assert abs(both - rate**2 * count) < 5 * math.sqrt(count * rate**2 * (1 - rate**2))


@pytest.fixture
def dropping(small_config, random_model):
    return random_model(small_config(), dropout=0.3)


@pytest.mark.parametrize("kernels", [EAGER, FUSED, FAST], ids=["eager", "fused", "fast"])
def test_by_keys_a_row_of_a_batch_draws_what_it_draws_alone(kernels, tokens, small_config, random_model):
    model = random_model(small_config(), kernels=kernels, dropout=0.3).double()
    whole = model(tokens, row_keys=KEYS)
    alone = torch.cat([model(tokens[row : row + 1], row_keys=KEYS[row : row + 1]) for row in (2, 0, 1)])
    torch.testing.assert_close(whole[[2, 0, 1]], alone, rtol=0, atol=1e-11)
    assert not torch.allclose(whole, model(tokens, row_keys=KEYS + 1), atol=1e-3)
    assert not torch.allclose(whole, model.eval()(tokens), atol=1e-3)


def test_threads_change_no_draw():
    before, masks = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            masks.append(dropout_mask(KEYS, 5, 300, 200, 0.4))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*masks)


def test_every_place_of_a_model_has_a_mask_of_its_own(dropping):
    sites = [module.site for module in dropping.modules() if isinstance(module, Dropout)]
    assert sorted(sites) == list(range(2 * dropping.config.layers + 1))


def test_no_generator_is_asked_where_there_are_keys(dropping, tokens):
    before = torch.get_rng_state()
    dropping(tokens, row_keys=KEYS).sum().backward()
    assert torch.equal(torch.get_rng_state(), before)
    dropping(tokens)
    assert not torch.equal(torch.get_rng_state(), before)


def test_a_model_in_use_or_with_rate_zero_drops_nothing(dropping, tokens, small_config, random_model):
    plain = random_model(small_config())
    assert torch.equal(plain(tokens, row_keys=KEYS), plain(tokens))
    assert torch.equal(dropping.eval()(tokens, row_keys=KEYS), plain(tokens))


def test_dropout_is_no_part_of_a_saved_model(dropping, tokens, tmp_path):
    save_model(dropping, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert torch.equal(loaded.eval()(tokens), dropping.eval()(tokens))
    assert torch.equal(loaded.train()(tokens), dropping(tokens)), "a loaded model drops nothing unless it is asked to"
    again = Decoder(dropping.config, dropout=0.3)
    again.load_state_dict(loaded.state_dict())
    assert torch.equal(again(tokens, row_keys=KEYS), dropping.train()(tokens, row_keys=KEYS))


COMPILED = """
import torch
from llm_layers import dropout_mask
keys = torch.tensor([11, -(2**40), 2**62 + 5])
compiled = torch.compile(dropout_mask, fullgraph=True)
assert torch.equal(compiled(keys, 7, 33, 19, 0.4), dropout_mask(keys, 7, 33, 19, 0.4))
"""


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="torch.compile needs a C++ compiler")
def test_machine_code_draws_the_same():
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
