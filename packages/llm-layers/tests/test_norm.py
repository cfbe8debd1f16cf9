"""What the specification does not say of the norms: the modules, the gain that counts from one, low precision."""

import math
from functools import partial

import pytest
import torch

from llm_layers import LayerNorm, RMSNorm, layer_norm, query_key_norm, rms_norm


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_gain_that_counts_from_one_gives_the_same_numbers():
    x, gain = numbers(3, 5, 8), torch.tensor([0.5, 1.0, 1.25, -2.0, 0.0, 3.0, 0.875, 1.125])
    plain, from_one = RMSNorm(8, 1e-6), RMSNorm(8, 1e-6, offset=1.0)
    assert torch.equal(plain(x), from_one(x))  # both start as "leave it as it is"
    with torch.no_grad():
        plain.gain.copy_(gain)
        from_one.gain.copy_(gain - 1)  # exact for these numbers
    assert torch.equal(plain(x), from_one(x))
    assert torch.equal(plain(x), rms_norm(x, gain, 1e-6))


def test_a_gain_that_counts_from_one_keeps_its_small_steps_in_bfloat16():
    x = numbers(1000, 8).bfloat16()
    norm = RMSNorm(8, 1e-6, offset=1.0)
    with torch.no_grad():
        norm.gain.fill_(0.003)
    norm = norm.bfloat16()
    y = norm(x)
    assert y.dtype == torch.bfloat16
    assert (1 + norm.gain).eq(1).all()  # what would be left of it in bfloat16
    exact = rms_norm(x.double(), 1 + norm.gain.double(), 1e-6)
    # The rounding of the result averages out; a gain of exactly 1 would be 0.3 percent short on average.
    assert abs((y.double() / exact).mean().item() - 1) < 2e-4


@pytest.mark.parametrize("biased", [True, False])
def test_layer_norm_holds_gain_and_bias_and_both_learn(biased):
    norm, x = LayerNorm(6, 1e-5, bias=biased), numbers(4, 6)
    assert list(norm.state_dict()) == ["gain", "bias"][: 1 + biased]
    expected = torch.nn.functional.layer_norm(x, (6,), eps=1e-5)
    torch.testing.assert_close(norm(x), expected, rtol=1e-5, atol=1e-6)
    (norm(x) * numbers(4, 6, seed=1)).sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().min() > 0 for weight in norm.parameters())


def test_layer_norm_does_not_see_scale_and_shift():
    x, gain, bias = numbers(4, 6).double(), numbers(6).double(), numbers(6, seed=1).double()
    moved = layer_norm(7 * x - 3, gain, bias, 0.0)
    torch.testing.assert_close(moved, layer_norm(x, gain, bias, 0.0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_the_norms_keep_the_dtype_they_are_given(dtype):
    x, ones = numbers(2, 3, 4).to(dtype), torch.ones(4, dtype=dtype)
    assert rms_norm(x, ones).dtype == layer_norm(x, ones, ones).dtype == RMSNorm(4, 1e-6)(x).to(dtype).dtype == dtype
    assert [part.dtype for part in query_key_norm(x, x, *2 * [partial(rms_norm, gain=ones)])] == [dtype, dtype]


def test_normed_queries_and_keys_cannot_run_away():
    d_head, ones = 16, torch.ones(16)
    query, key = 1e6 * numbers(3, 5, d_head), 1e4 * numbers(1, 5, d_head, seed=1)
    bound = math.sqrt(d_head)
    assert (query @ key.mT / bound).abs().max() > 1e9
    norm = partial(rms_norm, gain=ones)
    query, key = query_key_norm(query, key, norm, norm)
    assert (query @ key.mT / bound).abs().max() <= bound * (1 + 1e-6)
    same, _ = query_key_norm(query, query, norm, norm)
    torch.testing.assert_close((same * same).sum(-1) / bound, torch.full((3, 5), bound))  # and the bound is reached
