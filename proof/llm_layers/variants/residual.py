"""Residual placements: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.pre_norm")


def _norm(x: Any, gain: Any, eps: float) -> Any:
    return gain * x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps)


variant("torch's own kernels")(lambda x, gain, weight, eps: F.linear(F.rms_norm(x, gain.shape, gain, eps), weight) + x)


@variant("gain folded into the weight")
def pre_folded(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    root = torch.sqrt(x.square().mean(-1, keepdim=True) + eps)
    return x + torch.einsum("...i,oi->...o", x / root, weight * gain)


variant = VARIANTS.of("layers.post_norm")
variant("torch's own kernels")(lambda x, gain, weight, eps: F.rms_norm(F.linear(x, weight) + x, gain.shape, gain, eps))
variant("the stream as part of the weight")(
    lambda x, gain, weight, eps: _norm(x @ (torch.eye(len(gain), dtype=x.dtype) + weight).T, gain, eps)
)


variant = VARIANTS.of("layers.branch_norm")
variant("torch's own kernels")(lambda x, gain, weight, eps: F.rms_norm(F.linear(x, weight), gain.shape, gain, eps) + x)
variant("einsum")(lambda x, gain, weight, eps: x + _norm(torch.einsum("...i,oi->...o", x, weight), gain, eps))


def _root(x: Any, eps: float) -> Any:
    return np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


VARIANTS.of("layers.pre_norm")("NumPy", arrays="numpy")(
    lambda x, gain, weight, eps: x + np.inner(x / _root(x, eps) * gain, weight)
)
VARIANTS.of("layers.post_norm")("NumPy", arrays="numpy")(
    lambda x, gain, weight, eps: (x + x @ weight.T) / _root(x + x @ weight.T, eps) * gain
)
VARIANTS.of("layers.branch_norm")("NumPy", arrays="numpy")(
    lambda x, gain, weight, eps: x + x @ weight.T / _root(x @ weight.T, eps) * gain
)


def _wide_norm(x: Any, gain: Any, eps: float) -> Any:
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + eps)).to(x.dtype) * gain


VARIANTS.of("layers.pre_norm")("norm in float32, as most models have it")(
    lambda x, gain, weight, eps: _wide_norm(x, gain, eps) @ weight.T + x
)
VARIANTS.of("layers.post_norm")("norm in float32, as most models have it")(
    lambda x, gain, weight, eps: _wide_norm(torch.einsum("oi,...i->...o", weight, x) + x, gain, eps)
)
VARIANTS.of("layers.branch_norm")("norm in float32, as most models have it")(
    lambda x, gain, weight, eps: _wide_norm(x @ weight.T, gain, eps) + x
)
