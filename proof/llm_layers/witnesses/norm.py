"""Norms through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def rms_norm(x: Any, gain: Any, eps: float) -> Any:
    return F.rms_norm(x, gain.shape, gain, eps)


def layer_norm(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    return F.layer_norm(x, gain.shape, gain, bias, eps)


def query_key_norm(query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    return (F.rms_norm(query, query_gain.shape, query_gain, eps), F.rms_norm(key, key_gain.shape, key_gain, eps))
