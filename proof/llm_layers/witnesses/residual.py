"""The placements of the norm through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def pre_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + F.linear(F.rms_norm(x, gain.shape, gain, eps), weight)


def post_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return F.rms_norm(x + F.linear(x, weight), gain.shape, gain, eps)


def branch_norm(x: Any, gain: Any, weight: Any, eps: float) -> Any:
    return x + F.rms_norm(F.linear(x, weight), gain.shape, gain, eps)
