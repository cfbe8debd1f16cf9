"""Residual placements: correct implementations written otherwise."""

from typing import Any

import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import variant


def _norm(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps)


@variant("layers.pre_norm", "torch's own kernels")
def pre_torch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return F.linear(F.rms_norm(x, gain.shape, gain, eps), weight) + x


@variant("layers.pre_norm", "gain folded into the weight")
def pre_folded(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    root = torch.sqrt(x.square().mean(-1, keepdim=True) + eps)
    return x + torch.einsum("...i,oi->...o", x / root, weight * gain)


@variant("layers.post_norm", "torch's own kernels")
def post_torch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return F.rms_norm(F.linear(x, weight) + x, gain.shape, gain, eps)


@variant("layers.post_norm", "the stream as part of the weight")
def post_one_weight(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return _norm(x @ (torch.eye(len(gain), dtype=x.dtype) + weight).T, gain, eps)


@variant("layers.branch_norm", "torch's own kernels")
def branch_torch(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return F.rms_norm(F.linear(x, weight), gain.shape, gain, eps) + x


@variant("layers.branch_norm", "einsum")
def branch_einsum(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + _norm(torch.einsum("...i,oi->...o", x, weight), gain, eps)
