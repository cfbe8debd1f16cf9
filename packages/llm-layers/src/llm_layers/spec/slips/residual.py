"""Mistakes with the place of the norm: the pieces are right, the order is not."""

from typing import Any

import torch

from llm_layers.reference.arrays import outer
from llm_layers.reference.norm import rms_norm_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.pre_norm")


def _norm(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps)


def _pre(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _norm(x, gain, eps) @ weight.T


def _post(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x + x @ weight.T, gain, eps)


def _branch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _norm(x @ weight.T, gain, eps)


slip("post-norm", "the norm is after the sum: the stream itself is normalized")(_post)
slip("branch norm", "the norm is after the part: it must be before it")(_branch)
slip("norm on the stream", "the normalized x continues as the stream")(
    lambda x, gain, weight, eps: _norm(x, gain, eps) + _norm(x, gain, eps) @ weight.T
)
slip("stream left out", "what the part writes is not added to anything")(
    lambda x, gain, weight, eps: _norm(x, gain, eps) @ weight.T
)
slip("norm left out", "the part reads the stream as it is")(lambda x, gain, weight, eps: x + x @ weight.T + 0 * gain)
slip("gain after the part", "the gain scales what the part writes, not what it reads")(
    lambda x, gain, weight, eps: x + gain * (_norm(x, torch.ones_like(gain), eps) @ weight.T)
)
slip("stream detached", "no gradient flows along the stream itself")(
    lambda x, gain, weight, eps: x.detach() + _norm(x, gain, eps) @ weight.T
)


slip = SLIPS.of("layers.post_norm")
slip("pre-norm", "the norm is before the part: it must be after the sum")(_pre)
slip("branch norm", "only what the part writes is normalized, not the sum")(_branch)
slip("stream left out", "what the part writes is normalized, and x is not added to it")(
    lambda x, gain, weight, eps: _norm(x @ weight.T, gain, eps)
)
slip("norm left out", "the sum is not normalized")(lambda x, gain, weight, eps: x + x @ weight.T + 0 * gain)
slip("both normalized", "x and W x are normalized one by one and then added")(
    lambda x, gain, weight, eps: _norm(x, gain, eps) + _norm(x @ weight.T, gain, eps)
)


@slip("dy past the norm", "the stream's gradient goes around the norm", backward=True)
def post_around(dy: Any, x: Any, gain: Any, weight: Any, eps: float) -> Any:
    dh, dgain = rms_norm_backward(dy, x + x @ weight.T, gain, eps)
    return dy + dh @ weight, dgain, outer(dh, x)


slip = SLIPS.of("layers.branch_norm")
slip("pre-norm", "the norm is before the part: it must be after it")(_pre)
slip("post-norm", "the sum is normalized: the stream must stay as it is")(_post)
slip("norm before and after", "the part reads a normalized x as well (Gemma's sandwich)")(
    lambda x, gain, weight, eps: x + _norm(_norm(x, torch.ones_like(gain), eps) @ weight.T, gain, eps)
)
slip("stream left out", "what the part writes is not added to anything")(
    lambda x, gain, weight, eps: _norm(x @ weight.T, gain, eps)
)
slip("norm left out", "what the part writes is added as it is")(
    lambda x, gain, weight, eps: x + x @ weight.T + 0 * gain
)
