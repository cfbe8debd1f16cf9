"""Mistakes with the feed-forward parts."""

import math
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.reference.activation import gelu_tanh, gelu_tanh_backward, relu_squared, sigmoid
from llm_layers.reference.arrays import outer
from llm_layers.reference.feed_forward import gelu_feed_forward_backward, relu_squared_feed_forward_backward
from llm_tokenizer.conformance import slip


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


def _tanh_gelu(a: Any) -> Any:
    return F.gelu(a, approximate="tanh")


@slip("layers.geglu", "gate and up swapped", "the up projection goes through GELU, the gate through nothing")
def geglu_swapped(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(_tanh_gelu, x, up, gate, down)


@slip("layers.geglu", "SiLU gate", "the gate goes through SiLU: that is SwiGLU")
def silu_gate(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(F.silu, x, gate, up, down)


@slip("layers.geglu", "exact GELU", "the gate goes through the exact GELU, not through its tanh form")
def exact_gate(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(F.gelu, x, gate, up, down)


@slip("layers.geglu", "quick GELU", "the gate goes through x · sigmoid(1.702 x)")
def quick_gate(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(lambda a: a * torch.sigmoid(1.702 * a), x, gate, up, down)


@slip("layers.geglu", "ReLU gate", "the gate goes through ReLU: that is ReGLU")
def relu_gate(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(F.relu, x, gate, up, down)


@slip("layers.geglu", "sigmoid gate", "the gate goes through a sigmoid: that is GLU")
def sigmoid_gate(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _glu(torch.sigmoid, x, gate, up, down)


@slip("layers.geglu", "both bent", "the up projection goes through GELU as well")
def geglu_both(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (_tanh_gelu(x @ gate.T) * _tanh_gelu(x @ up.T)) @ down.T


@slip("layers.geglu", "product bent", "gate and up are multiplied first and then bent")
def product_bent(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return _tanh_gelu((x @ gate.T) * (x @ up.T)) @ down.T


@slip("layers.geglu", "added", "gate and up are added instead of multiplied")
def geglu_added(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (_tanh_gelu(x @ gate.T) + x @ up.T) @ down.T


@slip("layers.geglu", "weights (in, out)", "the weights are taken as (in, out)")
def geglu_transposed(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (_tanh_gelu(x @ gate) * (x @ up)) @ down


@slip("layers.geglu", "overflowing GELU", "tanh by exponentials: infinity over infinity for large gates")
def geglu_overflowing(x: Any, gate: Any, up: Any, down: Any) -> Any:
    def bend(a: Any) -> Any:
        e = torch.exp(2 * math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))
        return a * e / (1 + e)

    return _glu(bend, x, gate, up, down)


def _geglu_backward(dy: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u = x @ gate.T, x @ up.T
    dh = dy @ down
    return a, u, dh, gelu_tanh_backward(dh * u, a)


@slip("layers.geglu", "one way back", "dx takes the way through the gate only", backward=True)
def one_way_back(dy: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u, dh, da = _geglu_backward(dy, x, gate, up, down)
    return da @ gate, outer(da, x), outer(dh * gelu_tanh(a), x), outer(dy, gelu_tanh(a) * u)


@slip("layers.geglu", "up left out of dgate", "the gate's gradient is not multiplied by up", backward=True)
def up_left_out(dy: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u, dh, _ = _geglu_backward(dy, x, gate, up, down)
    da, du = gelu_tanh_backward(dh, a), dh * gelu_tanh(a)
    return da @ gate + du @ up, outer(da, x), outer(du, x), outer(dy, gelu_tanh(a) * u)


def _two_layers(bend: Any, x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return bend(x @ up.T + up_bias) @ down.T + down_bias


@slip("layers.gelu_feed_forward", "exact GELU", "the exact GELU; GPT-2 was trained with the tanh form")
def exact_gelu(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _two_layers(F.gelu, x, up, up_bias, down, down_bias)


@slip("layers.gelu_feed_forward", "ReLU", "the bend is ReLU, as in the first transformer")
def relu_bend(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _two_layers(F.relu, x, up, up_bias, down, down_bias)


@slip("layers.gelu_feed_forward", "SiLU", "the bend is SiLU")
def silu_bend(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _two_layers(F.silu, x, up, up_bias, down, down_bias)


@slip("layers.gelu_feed_forward", "no bend", "there is no bend: two matrices in a row are one")
def no_bend(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _two_layers(lambda a: a, x, up, up_bias, down, down_bias)


@slip("layers.gelu_feed_forward", "up_bias forgotten", "up_bias is not added")
def no_up_bias(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _tanh_gelu(x @ up.T) @ down.T + down_bias


@slip("layers.gelu_feed_forward", "down_bias forgotten", "down_bias is not added")
def no_down_bias(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _tanh_gelu(x @ up.T + up_bias) @ down.T


@slip("layers.gelu_feed_forward", "up_bias after the bend", "up_bias is added to the bent numbers")
def late_up_bias(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return (_tanh_gelu(x @ up.T) + up_bias) @ down.T + down_bias


@slip("layers.gelu_feed_forward", "bend at the end", "the narrow result is bent, not the wide one")
def bend_at_the_end(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _tanh_gelu((x @ up.T + up_bias) @ down.T + down_bias)


@slip("layers.gelu_feed_forward", "stream added", "x is added to the result: that is the block's work")
def stream_added(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return x + _two_layers(_tanh_gelu, x, up, up_bias, down, down_bias)


@slip("layers.gelu_feed_forward", "weights (in, out)", "the weights are taken as (in, out), as GPT-2's files hold them")
def gelu_transposed(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return _two_layers(_tanh_gelu, x, up.T, up_bias, down.T, down_bias)


@slip("layers.gelu_feed_forward", "overflowing GELU", "tanh by exponentials: infinity over infinity for large numbers")
def gelu_overflowing(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    def bend(a: Any) -> Any:
        e = torch.exp(2 * math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))
        return a * e / (1 + e)

    return _two_layers(bend, x, up, up_bias, down, down_bias)


@slip("layers.gelu_feed_forward", "biases averaged", "the biases' gradients are means, not sums", backward=True)
def biases_averaged(dy: Any, *inputs: Any) -> Any:
    dx, dup, dup_bias, ddown, ddown_bias = gelu_feed_forward_backward(dy, *inputs)
    count = max(dy.size // dy.shape[-1], 1)
    return dx, dup, dup_bias / count, ddown, ddown_bias / count


@slip("layers.gelu_feed_forward", "bend left out of dup_bias", "dup_bias is taken behind the bend", backward=True)
def bias_behind_the_bend(dy: Any, x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    dx, dup, _, ddown, ddown_bias = gelu_feed_forward_backward(dy, x, up, up_bias, down, down_bias)
    return dx, dup, (dy @ down).reshape(-1, len(up)).sum(0), ddown, ddown_bias


def _plain(bend: Any, x: Any, up: Any, down: Any) -> Any:
    return bend(x @ up.T) @ down.T


@slip("layers.relu_squared_feed_forward", "not squared", "the bend is ReLU: the square is missing")
def square_missing(x: Any, up: Any, down: Any) -> Any:
    return _plain(F.relu, x, up, down)


@slip("layers.relu_squared_feed_forward", "not cut", "the hidden numbers are squared, but not cut off below zero")
def cut_missing(x: Any, up: Any, down: Any) -> Any:
    return _plain(torch.square, x, up, down)


@slip("layers.relu_squared_feed_forward", "GELU", "the bend is GELU")
def gelu_hidden(x: Any, up: Any, down: Any) -> Any:
    return _plain(_tanh_gelu, x, up, down)


@slip("layers.relu_squared_feed_forward", "GELU squared", "the square of GELU: below zero something is left")
def gelu_squared(x: Any, up: Any, down: Any) -> Any:
    return _plain(lambda a: _tanh_gelu(a).square(), x, up, down)


@slip("layers.relu_squared_feed_forward", "square at the end", "the narrow result is squared, not the wide one")
def square_at_the_end(x: Any, up: Any, down: Any) -> Any:
    return _plain(F.relu, x, up, down).square()


@slip("layers.relu_squared_feed_forward", "x cut", "x is cut off and squared before the first weight")
def x_cut(x: Any, up: Any, down: Any) -> Any:
    return F.relu(x).square() @ up.T @ down.T


@slip("layers.relu_squared_feed_forward", "weights (in, out)", "the weights are taken as (in, out)")
def relu_transposed(x: Any, up: Any, down: Any) -> Any:
    return _plain(lambda a: F.relu(a).square(), x, up.T, down.T)


@slip("layers.relu_squared_feed_forward", "2 forgotten", "the slope of the square is 2a, not a", backward=True)
def relu_no_two(dy: Any, x: Any, up: Any, down: Any) -> Any:
    dx, dup, ddown = relu_squared_feed_forward_backward(dy, x, up, down)
    return dx / 2, dup / 2, ddown


@slip("layers.relu_squared_feed_forward", "ReLU's gradient", "1 above zero is the gradient of ReLU", backward=True)
def relu_step(dy: Any, x: Any, up: Any, down: Any) -> Any:
    a = x @ up.T
    da = dy @ down * (a > 0)
    return da @ up, outer(da, x), outer(dy, relu_squared(a))


@slip("layers.relu_squared_feed_forward", "gradient not cut", "2a flows back below zero too", backward=True)
def relu_not_cut(dy: Any, x: Any, up: Any, down: Any) -> Any:
    a = x @ up.T
    da = dy @ down * 2 * a
    return da @ up, outer(da, x), outer(dy, relu_squared(a))
