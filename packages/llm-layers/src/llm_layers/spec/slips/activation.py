"""Mistakes with the activations: a wrong number, a form taken for another, a sum that overflows."""

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.activation import normal_density, normal_share, sigmoid
from llm_tokenizer.conformance import slip

ROOT = math.sqrt(2 / math.pi)


def _tanh_form(x: Any, root: float = ROOT, cube: float = 0.044715, power: int = 3) -> Any:
    return 0.5 * x * (1 + torch.tanh(root * (x + cube * x**power)))


def _quick(x: Any) -> Any:
    return x * torch.sigmoid(1.702 * x)


@slip("layers.gelu", "erf without √2", "erf takes x itself, not x / √2: erf belongs to another bell curve")
def no_root_two(x: Any) -> Any:
    return 0.5 * x * (1 + torch.erf(x))


@slip("layers.gelu", "tanh form", "that is the approximation with tanh, not the exact form")
def tanh_for_exact(x: Any) -> Any:
    return F.gelu(x, approximate="tanh")


@slip("layers.gelu", "quick GELU", "x · sigmoid(1.702 x) is a rougher approximation (CLIP uses it)")
def quick(x: Any) -> Any:
    return _quick(x)


@slip("layers.gelu", "SiLU", "x · sigmoid(x) is SiLU")
def silu_for_gelu(x: Any) -> Any:
    return F.silu(x)


@slip("layers.gelu", "ReLU", "max(x, 0) is ReLU: nothing below zero passes")
def relu_for_gelu(x: Any) -> Any:
    return F.relu(x)


@slip("layers.gelu", "half forgotten", "the ½ before the sum is missing")
def no_half(x: Any) -> Any:
    return x * (1 + torch.erf(x / math.sqrt(2)))


@slip("layers.gelu", "1 forgotten", "½ x · erf(x/√2) lacks the 1: the share must run from 0 to 1, not from -½ to ½")
def no_one(x: Any) -> Any:
    return 0.5 * x * torch.erf(x / math.sqrt(2))


@slip("layers.gelu", "x forgotten", "that is the share itself; it must be multiplied by x")
def no_x(x: Any) -> Any:
    return torch.special.ndtr(x)


@slip("layers.gelu", "density for share", "x times the bell curve itself, not the area below it")
def density(x: Any) -> Any:
    return x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


@slip("layers.gelu", "share held constant", "the gradient does not run through the share (detached)")
def share_detached(x: Any) -> Any:
    return x * torch.special.ndtr(x.detach())


@slip("layers.gelu", "φ for xφ", "the second term of the gradient lacks its x", backward=True)
def density_without_x(dy: Any, x: Any) -> Any:
    return dy * (normal_share(x) + normal_density(x))


@slip("layers.gelu", "bell curve without ½", "the bell curve is exp(-x²/2), not exp(-x²)", backward=True)
def narrow_bell(dy: Any, x: Any) -> Any:
    return dy * (normal_share(x) + x * np.exp(-x * x) / math.sqrt(2 * math.pi))


@slip("layers.gelu", "1/√π for 1/√(2π)", "the bell curve is divided by √(2π), not by √π", backward=True)
def tall_bell(dy: Any, x: Any) -> Any:
    return dy * (normal_share(x) + x * normal_density(x) * math.sqrt(2))


@slip("layers.gelu_tanh", "exact form", "that is the exact GELU with erf, not the tanh form")
def exact_for_tanh(x: Any) -> Any:
    return F.gelu(x)


@slip("layers.gelu_tanh", "0.44715", "0.44715 in the place of 0.044715")
def ten_times(x: Any) -> Any:
    return _tanh_form(x, cube=0.44715)


@slip("layers.gelu_tanh", "0.04715", "0.04715 in the place of 0.044715: a 4 was lost")
def lost_digit(x: Any) -> Any:
    return _tanh_form(x, cube=0.04715)


@slip("layers.gelu_tanh", "0.8 for √(2/π)", "√(2/π) rounded to 0.8")
def rounded_root(x: Any) -> Any:
    return _tanh_form(x, root=0.8)


@slip("layers.gelu_tanh", "2/π without its root", "2/π in the place of √(2/π)")
def no_outer_root(x: Any) -> Any:
    return _tanh_form(x, root=2 / math.pi)


@slip("layers.gelu_tanh", "√2/π", "the root covers only the 2: √2/π in the place of √(2/π)")
def short_root(x: Any) -> Any:
    return _tanh_form(x, root=math.sqrt(2) / math.pi)


@slip("layers.gelu_tanh", "square for cube", "x² in the place of x³")
def squared(x: Any) -> Any:
    return _tanh_form(x, power=2)


@slip("layers.gelu_tanh", "no cube", "tanh takes √(2/π) x alone")
def no_cube(x: Any) -> Any:
    return _tanh_form(x, cube=0.0)


@slip("layers.gelu_tanh", "root on x only", "√(2/π) multiplies x but not 0.044715 x³")
def root_on_x(x: Any) -> Any:
    return 0.5 * x * (1 + torch.tanh(ROOT * x + 0.044715 * x**3))


@slip("layers.gelu_tanh", "quick GELU", "x · sigmoid(1.702 x) is another, rougher approximation (CLIP uses it)")
def quick_for_tanh(x: Any) -> Any:
    return _quick(x)


@slip("layers.gelu_tanh", "sigmoid of u", "½ (1 + tanh(u)) is sigmoid(2u), not sigmoid(u)")
def half_argument(x: Any) -> Any:
    return x * torch.sigmoid(ROOT * (x + 0.044715 * x**3))


@slip("layers.gelu_tanh", "SiLU", "x · sigmoid(x) is SiLU")
def silu_for_tanh(x: Any) -> Any:
    return F.silu(x)


@slip("layers.gelu_tanh", "overflowing tanh", "(e²ᵘ - 1) / (e²ᵘ + 1): infinity over infinity for large inputs")
def overflowing_tanh(x: Any) -> Any:
    e = torch.exp(2 * ROOT * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + (e - 1) / (e + 1))


def _tanh_slope(x: Any, inner: Any) -> Any:
    v = 2 * ROOT * (x + 0.044715 * x**3)
    return sigmoid(v) + x * sigmoid(v) * sigmoid(-v) * 2 * ROOT * inner


@slip("layers.gelu_tanh", "inner slope left out", "1 + 3 · 0.044715 x² is missing from the gradient", backward=True)
def no_inner_slope(dy: Any, x: Any) -> Any:
    return dy * _tanh_slope(x, 1.0)


@slip("layers.gelu_tanh", "3 forgotten", "the slope of x³ is 3x², not x²", backward=True)
def no_three(dy: Any, x: Any) -> Any:
    return dy * _tanh_slope(x, 1 + 0.044715 * x**2)


@slip("layers.gelu_tanh", "gradient of the exact form", "Φ(x) + x φ(x) belongs to the erf form", backward=True)
def exact_gradient(dy: Any, x: Any) -> Any:
    return dy * (normal_share(x) + x * normal_density(x))


@slip("layers.gelu_tanh", "1 - tanh", "the slope of tanh is 1 - tanh², not 1 - tanh", backward=True)
def tanh_not_squared(dy: Any, x: Any) -> Any:
    t = np.tanh(ROOT * (x + 0.044715 * x**3))
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t) * ROOT * (1 + 3 * 0.044715 * x**2))


@slip("layers.silu", "sigmoid", "that is the sigmoid itself; it must be multiplied by x")
def only_sigmoid(x: Any) -> Any:
    return torch.sigmoid(x)


@slip("layers.silu", "GELU", "that is GELU: x times the normal share")
def gelu_for_silu(x: Any) -> Any:
    return F.gelu(x)


@slip("layers.silu", "quick GELU", "there is no factor 1.702 before x in SiLU")
def quick_for_silu(x: Any) -> Any:
    return _quick(x)


@slip("layers.silu", "ReLU", "max(x, 0) is ReLU: nothing below zero passes")
def relu_for_silu(x: Any) -> Any:
    return F.relu(x)


@slip("layers.silu", "hard swish", "x · clamp(x/6 + ½) is the piecewise stand-in for small devices")
def hard_swish(x: Any) -> Any:
    return F.hardswish(x)


@slip("layers.silu", "softplus", "log(1 + exp(x)) has the sigmoid as its slope; it is not x times it")
def softplus(x: Any) -> Any:
    return F.softplus(x)


@slip("layers.silu", "sign turned", "x / (1 + exp(x)): the gate closes where it should open")
def sign_turned(x: Any) -> Any:
    return x * torch.sigmoid(-x)


@slip("layers.silu", "overflowing", "x · exp(x) / (1 + exp(x)): infinity over infinity for large inputs")
def overflowing(x: Any) -> Any:
    return x * torch.exp(x) / (1 + torch.exp(x))


@slip("layers.silu", "gate held constant", "the gradient does not run through the gate (detached)")
def gate_detached(x: Any) -> Any:
    return x * torch.sigmoid(x.detach())


@slip("layers.silu", "sigmoid' for silu'", "s (1 - s) is the gradient of the sigmoid, not of SiLU", backward=True)
def sigmoid_slope(dy: Any, x: Any) -> Any:
    return dy * sigmoid(x) * sigmoid(-x)


@slip("layers.silu", "x forgotten in the gradient", "s + s (1 - s) lacks the x of the second term", backward=True)
def slope_without_x(dy: Any, x: Any) -> Any:
    return dy * sigmoid(x) * (1 + sigmoid(-x))


@slip("layers.relu_squared", "not squared", "that is ReLU: the square is missing")
def not_squared(x: Any) -> Any:
    return F.relu(x)


@slip("layers.relu_squared", "not cut", "that is x²: below zero it must be 0")
def not_cut(x: Any) -> Any:
    return x * x


@slip("layers.relu_squared", "cut after squaring", "max(x², 0) is x²: the cut must come first")
def cut_late(x: Any) -> Any:
    return F.relu(x * x)


@slip("layers.relu_squared", "sign kept", "x · |x| keeps what is below zero")
def sign_kept(x: Any) -> Any:
    return x * x.abs()


@slip("layers.relu_squared", "halved", "½ max(x, 0)² has the simpler gradient, but it is another function")
def halved(x: Any) -> Any:
    return 0.5 * F.relu(x).square()


@slip("layers.relu_squared", "cube", "max(x, 0)³ in the place of the square")
def cubed(x: Any) -> Any:
    return F.relu(x) ** 3


@slip("layers.relu_squared", "leaky", "below zero a hundredth passes: that is a leaky ReLU squared")
def leaky(x: Any) -> Any:
    return F.leaky_relu(x).square()


@slip("layers.relu_squared", "2 forgotten", "the slope of x² is 2x, not x", backward=True)
def no_two(dy: Any, x: Any) -> Any:
    return dy * np.maximum(x, 0)


@slip("layers.relu_squared", "gradient not cut", "2x below zero too", backward=True)
def gradient_not_cut(dy: Any, x: Any) -> Any:
    return dy * 2 * x


@slip("layers.relu_squared", "ReLU's gradient", "1 above zero is the gradient of ReLU", backward=True)
def step_gradient(dy: Any, x: Any) -> Any:
    return dy * (x > 0)
