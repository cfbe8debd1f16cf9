"""Mistakes with the activations: a wrong number, a form taken for another, a sum that overflows."""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.activation import normal_density, normal_share, sigmoid
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.gelu")

ROOT = math.sqrt(2 / math.pi)


def _tanh_form(x: Any, root: float = ROOT, cube: float = 0.044715, tanh: Any = torch.tanh) -> Any:
    return 0.5 * x * (1 + tanh(root * (x + cube * x**3)))


def _quick(x: Any) -> Any:
    return x * torch.sigmoid(1.702 * x)


slip("erf without √2", "erf takes x itself, not x / √2: erf belongs to another bell curve")(
    lambda x: 0.5 * x * (1 + torch.erf(x))
)
slip("tanh form", "that is the approximation with tanh, not the exact form")(partial(F.gelu, approximate="tanh"))
slip("quick GELU", "x · sigmoid(1.702 x) is a rougher approximation (CLIP uses it)")(_quick)
slip("SiLU", "x · sigmoid(x) is SiLU")(F.silu)
slip("ReLU", "max(x, 0) is ReLU: nothing below zero passes")(F.relu)
slip("half forgotten", "the ½ before the sum is missing")(lambda x: x * (1 + torch.erf(x / math.sqrt(2))))
slip("x forgotten", "that is the fraction itself; it must be multiplied by x")(torch.special.ndtr)
slip("density for probability", "x times the bell curve itself, not the area below it")(
    lambda x: x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
)
slip("probability held constant", "the gradient does not run through the probability (detached)")(
    lambda x: x * torch.special.ndtr(x.detach())
)
slip("φ for xφ", "the second term of the gradient lacks its x", backward=True)(
    lambda dy, x: dy * (normal_share(x) + normal_density(x))
)


slip = SLIPS.of("layers.gelu_tanh")
slip("exact form", "that is the exact GELU with erf, not the tanh form")(F.gelu)
slip("0.44715", "0.44715 in the place of 0.044715")(partial(_tanh_form, cube=0.44715))
slip("0.04715", "0.04715 in the place of 0.044715: a 4 was lost")(partial(_tanh_form, cube=0.04715))
slip("2/π without its root", "2/π in the place of √(2/π)")(partial(_tanh_form, root=2 / math.pi))
slip("no cube", "tanh takes √(2/π) x alone")(partial(_tanh_form, cube=0.0))
slip("root on x only", "√(2/π) multiplies x but not 0.044715 x³")(
    lambda x: 0.5 * x * (1 + torch.tanh(ROOT * x + 0.044715 * x**3))
)
slip("quick GELU", "x · sigmoid(1.702 x) is another, rougher approximation (CLIP uses it)")(_quick)
slip("SiLU", "x · sigmoid(x) is SiLU")(F.silu)
slip("overflowing tanh", "(e²ᵘ - 1) / (e²ᵘ + 1): infinity over infinity for large inputs")(
    partial(_tanh_form, tanh=lambda u: (torch.exp(2 * u) - 1) / (torch.exp(2 * u) + 1))
)


def _tanh_slope(x: Any, inner: Any) -> Any:
    v = 2 * ROOT * (x + 0.044715 * x**3)
    return sigmoid(v) + x * sigmoid(v) * sigmoid(-v) * 2 * ROOT * inner


slip("inner slope left out", "1 + 3 · 0.044715 x² is missing from the gradient", backward=True)(
    lambda dy, x: dy * _tanh_slope(x, 1.0)
)
slip("gradient of the exact form", "Φ(x) + x φ(x) belongs to the erf form", backward=True)(
    lambda dy, x: dy * (normal_share(x) + x * normal_density(x))
)


slip = SLIPS.of("layers.silu")
slip("sigmoid", "that is the sigmoid itself; it must be multiplied by x")(torch.sigmoid)
slip("GELU", "that is GELU: x times the normal probability")(F.gelu)
slip("quick GELU", "there is no factor 1.702 before x in SiLU")(_quick)
slip("ReLU", "max(x, 0) is ReLU: nothing below zero passes")(F.relu)
slip("hard swish", "x · clamp(x/6 + ½) is the piecewise stand-in for small devices")(F.hardswish)
slip("softplus", "log(1 + exp(x)) has the sigmoid as its slope; it is not x times it")(F.softplus)
slip("overflowing", "x · exp(x) / (1 + exp(x)): infinity over infinity for large inputs")(
    lambda x: x * torch.exp(x) / (1 + torch.exp(x))
)
slip("gate held constant", "the gradient does not run through the gate (detached)")(
    lambda x: x * torch.sigmoid(x.detach())
)
slip("sigmoid' for silu'", "s (1 - s) is the gradient of the sigmoid, not of SiLU", backward=True)(
    lambda dy, x: dy * sigmoid(x) * sigmoid(-x)
)
slip("x forgotten in the gradient", "s + s (1 - s) lacks the x of the second term", backward=True)(
    lambda dy, x: dy * sigmoid(x) * (1 + sigmoid(-x))
)


slip = SLIPS.of("layers.relu_squared")
slip("not squared", "that is ReLU: the square is missing")(F.relu)
slip("not cut", "that is x²: below zero it must be 0")(lambda x: x * x)
slip("sign kept", "x · |x| keeps what is below zero")(lambda x: x * x.abs())
slip("halved", "½ max(x, 0)² has the simpler gradient, but it is another function")(lambda x: 0.5 * F.relu(x).square())
slip("2 forgotten", "the slope of x² is 2x, not x", backward=True)(lambda dy, x: dy * np.maximum(x, 0))
slip("gradient not cut", "2x below zero too", backward=True)(lambda dy, x: dy * 2 * x)
slip("ReLU's gradient", "1 above zero is the gradient of ReLU", backward=True)(lambda dy, x: dy * (x > 0))
