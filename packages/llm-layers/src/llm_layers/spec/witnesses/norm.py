"""Norm through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def rms_norm(x: Any, gain: Any, eps: float) -> Any:
    return F.rms_norm(x, gain.shape, gain, eps)
