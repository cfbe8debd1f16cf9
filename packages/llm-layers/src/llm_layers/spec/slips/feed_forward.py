"""Mistakes with SwiGLU."""

from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.reference.arrays import outer
from llm_layers.reference.feed_forward import sigmoid
from llm_tokenizer.spec import slip


def _glu(bend: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (bend(x @ gate.T) * (x @ up.T)) @ down.T


@slip("layers.swiglu", "gate and up swapped", "the up projection goes through SiLU, the gate through nothing")
def swapped(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(F.silu, x, up, gate, down)


@slip("layers.swiglu", "sigmoid gate", "the gate goes through a sigmoid: that is GLU")
def glu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(torch.sigmoid, x, gate, up, down)


@slip("layers.swiglu", "GELU gate", "the gate goes through GELU: that is GeGLU")
def geglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(F.gelu, x, gate, up, down)


@slip("layers.swiglu", "ReLU gate", "the gate goes through ReLU: that is ReGLU")
def reglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(F.relu, x, gate, up, down)


@slip("layers.swiglu", "both bent", "the up projection goes through SiLU as well")
def both(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (F.silu(x @ gate.T) * F.silu(x @ up.T)) @ down.T


@slip("layers.swiglu", "added", "gate and up are added instead of multiplied")
def added(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (F.silu(x @ gate.T) + x @ up.T) @ down.T


@slip("layers.swiglu", "weights (in, out)", "the weights are taken as (in, out)")
def transposed(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (F.silu(x @ gate) * (x @ up)) @ down


@slip("layers.swiglu", "overflowing SiLU", "exp(a) / (1 + exp(a)): infinity over infinity for large gates")
def overflowing(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(lambda a: a * a.exp() / (1 + a.exp()), x, gate, up, down)


@slip("layers.swiglu", "silu' halved", "the gradient of a · sigmoid(a) is not sigmoid(a)", backward=True)
def first_term(dy: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _backward(dy, x, gate, up, down, lambda a, s: s)


@slip("layers.swiglu", "sigmoid' for silu'", "s (1 - s) is the gradient of the sigmoid, not of SiLU", backward=True)
def sigmoid_gradient(dy: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _backward(dy, x, gate, up, down, lambda a, s: s * (1 - s))


def _backward(dy: Any, x: Any, gate: Any, up: Any, down: Any, slope: Any) -> Any:
    a, u = x @ gate.T, x @ up.T
    s = sigmoid(a)
    dh = dy @ down
    du, da = dh * a * s, dh * u * slope(a, s)
    return da @ gate + du @ up, outer(da, x), outer(du, x), outer(dy, a * s * u)
