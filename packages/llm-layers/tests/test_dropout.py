"""What the specification does not say of dropout: the draws, training against use, the errors."""

import math

import pytest
import torch

from llm_layers import Dropout, LayersError, dropout


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
