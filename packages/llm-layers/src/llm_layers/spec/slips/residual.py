"""Mistakes with the place of the norm: the pieces are right, the order is not."""

from typing import Any

import torch

from llm_layers.reference.arrays import outer
from llm_layers.reference.norm import rms_norm, rms_norm_backward
from llm_tokenizer.conformance import slip


def _norm(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps)


def _pre(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _norm(x, gain, eps) @ weight.T


def _post(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x + x @ weight.T, gain, eps)


def _branch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _norm(x @ weight.T, gain, eps)


def _centred(x: Any, gain: Any, eps: float) -> Any:
    return _norm(x - x.mean(-1, keepdim=True), gain, eps)


@slip("layers.pre_norm", "post-norm", "the norm stands after the sum: the stream itself is normalised")
def pre_as_post(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _post(x, gain, weight, eps)


@slip("layers.pre_norm", "branch norm", "the norm stands behind the part: it must stand before it")
def pre_as_branch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _branch(x, gain, weight, eps)


@slip("layers.pre_norm", "norm on the stream", "the normalised x goes on as the stream")
def pre_on_stream(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    normed = _norm(x, gain, eps)
    return normed + normed @ weight.T


@slip("layers.pre_norm", "stream left out", "what the part writes is not added to anything")
def pre_no_stream(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x, gain, eps) @ weight.T


@slip("layers.pre_norm", "norm left out", "the part reads the stream as it is")
def pre_no_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + x @ weight.T + 0 * gain


@slip("layers.pre_norm", "gain forgotten", "the norm's gain is not used")
def pre_no_gain(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _pre(x, torch.ones_like(gain), weight, eps)


@slip("layers.pre_norm", "gain after the part", "the gain scales what the part writes, not what it reads")
def pre_late_gain(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + gain * (_norm(x, torch.ones_like(gain), eps) @ weight.T)


@slip("layers.pre_norm", "eps fixed", "eps is a fixed 1e-6, whatever was given")
def pre_fixed_eps(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _pre(x, gain, weight, 1e-6)


@slip("layers.pre_norm", "mean subtracted", "the norm subtracts the mean: that is LayerNorm")
def pre_layer_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _centred(x, gain, eps) @ weight.T


@slip("layers.pre_norm", "weight (in, out)", "the weight is taken as (in, out)")
def pre_transposed(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _pre(x, gain, weight.T, eps)


@slip("layers.pre_norm", "stream detached", "no gradient flows along the stream itself")
def pre_detached(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x.detach() + _norm(x, gain, eps) @ weight.T


@slip("layers.pre_norm", "dy left out of dx", "the stream's own gradient dy is not added", backward=True)
def pre_no_dy(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    dx, dgain = rms_norm_backward(dy @ weight, x, gain, eps)
    return dx, dgain, outer(dy, rms_norm(x, gain, eps))


@slip("layers.pre_norm", "dW from x", "the weight's gradient takes x, not the normalised x it was fed", backward=True)
def pre_weight_from_x(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    dx, dgain = rms_norm_backward(dy @ weight, x, gain, eps)
    return dy + dx, dgain, outer(dy, x)


@slip("layers.post_norm", "pre-norm", "the norm stands before the part: it must stand after the sum")
def post_as_pre(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _pre(x, gain, weight, eps)


@slip("layers.post_norm", "branch norm", "only what the part writes is normalised, not the sum")
def post_as_branch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _branch(x, gain, weight, eps)


@slip("layers.post_norm", "stream left out", "what the part writes is normalised, and x is not added to it")
def post_no_stream(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x @ weight.T, gain, eps)


@slip("layers.post_norm", "norm left out", "the sum is not normalised")
def post_no_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + x @ weight.T + 0 * gain


@slip("layers.post_norm", "both normalised", "x and W x are normalised one by one and then added")
def post_both(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x, gain, eps) + _norm(x @ weight.T, gain, eps)


@slip("layers.post_norm", "x added again", "x is added once more after the norm")
def post_again(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _post(x, gain, weight, eps)


@slip("layers.post_norm", "gain forgotten", "the norm's gain is not used")
def post_no_gain(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _post(x, torch.ones_like(gain), weight, eps)


@slip("layers.post_norm", "eps fixed", "eps is a fixed 1e-6, whatever was given")
def post_fixed_eps(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _post(x, gain, weight, 1e-6)


@slip("layers.post_norm", "mean subtracted", "LayerNorm stands where RMSNorm belongs")
def post_layer_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _centred(x + x @ weight.T, gain, eps)


@slip("layers.post_norm", "weight (in, out)", "the weight is taken as (in, out)")
def post_transposed(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _post(x, gain, weight.T, eps)


@slip("layers.post_norm", "dy past the norm", "the stream's gradient goes around the norm", backward=True)
def post_around(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    dh, dgain = rms_norm_backward(dy, x + x @ weight.T, gain, eps)
    return dy + dh @ weight, dgain, outer(dh, x)


@slip("layers.post_norm", "one way back", "dx lacks the way along the stream", backward=True)
def post_one_way(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    dh, dgain = rms_norm_backward(dy, x + x @ weight.T, gain, eps)
    return dh @ weight, dgain, outer(dh, x)


@slip("layers.branch_norm", "pre-norm", "the norm stands before the part: it must stand behind it")
def branch_as_pre(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _pre(x, gain, weight, eps)


@slip("layers.branch_norm", "post-norm", "the sum is normalised: the stream must stay as it is")
def branch_as_post(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _post(x, gain, weight, eps)


@slip("layers.branch_norm", "norm before and behind", "the part reads a normalised x as well (Gemma's sandwich)")
def sandwich(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _norm(_norm(x, torch.ones_like(gain), eps) @ weight.T, gain, eps)


@slip("layers.branch_norm", "stream left out", "what the part writes is not added to anything")
def branch_no_stream(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x @ weight.T, gain, eps)


@slip("layers.branch_norm", "norm left out", "what the part writes is added as it is")
def branch_no_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + x @ weight.T + 0 * gain


@slip("layers.branch_norm", "gain forgotten", "the norm's gain is not used")
def branch_no_gain(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _branch(x, torch.ones_like(gain), weight, eps)


@slip("layers.branch_norm", "eps fixed", "eps is a fixed 1e-6, whatever was given")
def branch_fixed_eps(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _branch(x, gain, weight, 1e-6)


@slip("layers.branch_norm", "mean subtracted", "LayerNorm stands where RMSNorm belongs")
def branch_layer_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _centred(x @ weight.T, gain, eps)


@slip("layers.branch_norm", "weight (in, out)", "the weight is taken as (in, out)")
def branch_transposed(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _branch(x, gain, weight.T, eps)


@slip("layers.branch_norm", "dy through the norm", "the stream's gradient is sent through the norm too", backward=True)
def branch_through(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    dp, dgain = rms_norm_backward(dy, x @ weight.T, gain, eps)
    return dp + dp @ weight, dgain, outer(dp, x)


@slip("layers.branch_norm", "norm left out of the gradient", "dy goes straight into the part", backward=True)
def branch_norm_skipped(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    _, dgain = rms_norm_backward(dy, x @ weight.T, gain, eps)
    return dy + (dy * gain) @ weight, dgain, outer(dy * gain, x)
