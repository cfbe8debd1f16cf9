"""Activations through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def gelu(x: Any) -> Any:
    return F.gelu(x)


def gelu_tanh(x: Any) -> Any:
    return F.gelu(x, approximate="tanh")


def silu(x: Any) -> Any:
    return F.silu(x)


def relu_squared(x: Any) -> Any:
    return F.relu(x).pow(2)
