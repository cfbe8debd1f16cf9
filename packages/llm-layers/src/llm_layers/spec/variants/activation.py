"""Activations: correct implementations written otherwise."""

import math
from typing import Any

import torch
from torch.nn import functional as F

from llm_tokenizer.conformance import variant


@variant("layers.gelu", "torch's own kernel")
def torch_gelu(x: Any) -> Any:
    return F.gelu(x)


@variant("layers.gelu", "torch's erf")
def by_erf(x: Any) -> Any:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


@variant("layers.gelu", "torch's complementary erf")
def by_erfc(x: Any) -> Any:
    return x * torch.special.erfc(-x * math.sqrt(0.5)) / 2


@variant("layers.gelu", "torch's normal distribution")
def by_distribution(x: Any) -> Any:
    return x * torch.special.ndtr(x)


@variant("layers.gelu_tanh", "torch's own kernel")
def torch_gelu_tanh(x: Any) -> Any:
    return F.gelu(x, approximate="tanh")


@variant("layers.gelu_tanh", "torch's tanh")
def by_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


@variant("layers.gelu_tanh", "a sigmoid of twice the argument")
def by_sigmoid(x: Any) -> Any:
    return x * torch.sigmoid(math.sqrt(8 / math.pi) * x * (1 + 0.044715 * x.square()))


@variant("layers.silu", "torch's own kernel")
def torch_silu(x: Any) -> Any:
    return F.silu(x)


@variant("layers.silu", "torch's sigmoid")
def silu_by_sigmoid(x: Any) -> Any:
    return x * torch.sigmoid(x)


@variant("layers.silu", "a tanh of half the argument")
def silu_by_tanh(x: Any) -> Any:
    return x / 2 + x / 2 * torch.tanh(x / 2)


@variant("layers.relu_squared", "clamped")
def clamped(x: Any) -> Any:
    return x.clamp(min=0) ** 2


@variant("layers.relu_squared", "x times its ReLU")
def by_product(x: Any) -> Any:
    return x * F.relu(x)


@variant("layers.relu_squared", "where")
def by_where(x: Any) -> Any:
    return torch.where(x > 0, x * x, torch.zeros_like(x))
