"""What the specification does not say of the activations: huge numbers in low precision, the reference's own erf."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from llm_layers import gelu, gelu_tanh, relu_squared, silu
from llm_layers.reference.activation import normal_density, normal_share

HUGE = (1e4, 1e10, 1e18, 1e20, 1e30)


@pytest.mark.parametrize("activation", [gelu, gelu_tanh, silu], ids=lambda activation: activation.__name__)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_huge_numbers_have_finite_values_and_the_right_slopes(activation, dtype):
    # Often enough for both the vectorized part of a kernel and its rest.
    x = torch.tensor([sign * size for sign in (1, -1) for size in HUGE] * 7, dtype=dtype, requires_grad=True)
    y = activation(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y, x.clamp(min=0).detach())
    assert torch.equal(slope, (x > 0).to(dtype))


def test_torch_alone_would_have_no_slope_there():
    # Should a later torch mend its kernel, this fails and our own gradient may go.
    x = torch.tensor([1e30], requires_grad=True)
    (slope,) = torch.autograd.grad(F.gelu(x, approximate="tanh"), x)
    assert slope.isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_everywhere_else_the_tanh_form_is_torchs_to_the_last_bit(dtype):
    x = torch.linspace(-15, 15, 30001).to(dtype).requires_grad_()
    expected = F.gelu(x, approximate="tanh")
    assert torch.equal(gelu_tanh(x), expected)
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in (gelu_tanh(x), expected)]
    assert torch.equal(*slopes)


def test_the_tanh_form_can_be_differentiated_twice_and_over_a_batch():
    x = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gelu_tanh, (x,)) and torch.autograd.gradgradcheck(gelu_tanh, (x,))
    (slopes,) = torch.autograd.grad(gelu_tanh(x).sum(), x)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(gelu_tanh))(x.detach()), slopes)


def test_the_two_forms_of_gelu_differ_by_less_than_a_two_thousandth():
    x = torch.linspace(-8, 8, 160001, dtype=torch.float64)
    assert 0.0004 < (gelu(x) - gelu_tanh(x)).abs().max() < 0.0005


@pytest.mark.parametrize("activation", [gelu, gelu_tanh, silu], ids=lambda activation: activation.__name__)
def test_what_is_held_back_on_the_left_is_let_through_on_the_right(activation):
    x = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    torch.testing.assert_close(activation(x) - activation(-x), x, rtol=0, atol=1e-14)


def test_where_the_dip_of_silu_lies():
    x = torch.linspace(-2, -1, 100001, dtype=torch.float64)
    lowest = silu(x).min()
    assert abs(lowest - -0.2785) < 1e-4 and abs(x[silu(x).argmin()] - -1.2785) < 1e-3


def test_squared_relu_has_no_corner():
    x = torch.tensor([-1e-3, 0.0, 1e-3], requires_grad=True)
    (slope,) = torch.autograd.grad(relu_squared(x).sum(), x)
    torch.testing.assert_close(slope, torch.tensor([0.0, 0.0, 2e-3]))


def test_the_references_normal_share_is_exact_and_takes_the_complex_step():
    x = np.array([-25.0, -20.0, -8.0, -3.0, -1.0, 0.0, 0.5, 2.0, 9.0, 1e30])
    expected = torch.special.log_ndtr(torch.from_numpy(x)).exp().numpy()
    np.testing.assert_allclose(normal_share(x), expected, rtol=1e-12)
    # Far on the left 1 + erf is nothing but rounding, and erfc is not.
    assert 0.5 * (1 + math.erf(-20 / math.sqrt(2))) == 0.0 < normal_share(x)[1]
    moved = normal_share(x + 1e-30j)
    np.testing.assert_array_equal(moved.real, normal_share(x))
    np.testing.assert_allclose(moved.imag / 1e-30, normal_density(x), rtol=1e-14)


def test_the_normal_density_is_the_slope_of_the_normal_share():
    # Independent of both: a central difference of erfc, good to about 1e-9.
    step = 1e-5
    for x in (-3.0, -0.7, 0.0, 1.3):
        slope = (math.erfc(-(x + step) / math.sqrt(2)) - math.erfc(-(x - step) / math.sqrt(2))) / (4 * step)
        assert abs(slope - normal_density(np.array(x))) < 1e-9
