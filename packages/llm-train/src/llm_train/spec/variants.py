"""Correct implementations that are written otherwise; the specification must accept them."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("train.adamw")

Array = np.ndarray[Any, Any]


@variant("moments by lerp, decay as a factor")
def adamw_by_lerp(
    parameter: Tensor, gradients: Tensor, learning_rate: float, beta1: float, beta2: float, eps: float,
    weight_decay: float,
) -> Tensor:  # fmt: skip
    first, second = torch.zeros_like(parameter), torch.zeros_like(parameter)
    parameters = []
    for t, gradient in enumerate(gradients, start=1):
        first = torch.lerp(first, gradient, 1 - beta1)
        second = torch.lerp(second, gradient * gradient, 1 - beta2)
        denominator = second.sqrt() / math.sqrt(1 - beta2**t) + eps
        parameter = parameter * (1 - learning_rate * weight_decay)
        parameter = parameter - (learning_rate / (1 - beta1**t)) * first / denominator
        parameters.append(parameter)
    return torch.stack(parameters)


@variant("float32 inside", arrays="numpy")
def adamw_in_float32(
    parameter: Array, gradients: Array, learning_rate: float, beta1: float, beta2: float, eps: float,
    weight_decay: float,
) -> Array:  # fmt: skip
    p = parameter.astype(np.float32)
    m, v = np.zeros_like(p), np.zeros_like(p)
    parameters = []
    for t, gradient in enumerate(gradients.astype(np.float32), start=1):
        m = np.float32(beta1) * m + np.float32(1 - beta1) * gradient
        v = np.float32(beta2) * v + np.float32(1 - beta2) * gradient**2
        step = m / np.float32(1 - beta1**t) / (np.sqrt(v / np.float32(1 - beta2**t)) + np.float32(eps))
        p = p - np.float32(learning_rate * weight_decay) * p - np.float32(learning_rate) * step
        parameters.append(p)
    return np.stack(parameters).astype(parameter.dtype)


variant = VARIANTS.of("train.warmup_cosine")


@variant("cosine squared of the half angle")
def squared_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return peak * ((step + 1) / warmup_steps)
    down = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    share = math.cos(math.pi / 2 * down) ** 2
    return share * peak + (1 - share) * floor


variant = VARIANTS.of("train.clip_gradients")


@variant("torch's own, with 1e-6 added to the norm")
def torchs_own(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    parameters = [torch.nn.Parameter(first.clone()), torch.nn.Parameter(second.clone())]
    for parameter, gradient in zip(parameters, (first, second), strict=True):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    clipped = [parameter.grad for parameter in parameters]
    assert clipped[0] is not None and clipped[1] is not None, "both were set"
    return clipped[0], clipped[1], norm


@variant("norm of the two norms", arrays="numpy")
def norm_of_norms(first: Array, second: Array, limit: float) -> tuple[Array, Array, Array]:
    norm = np.hypot(np.linalg.norm(first.reshape(-1)), np.linalg.norm(second))
    scale = min(1.0, limit / norm) if norm else 1.0
    return first * scale, second * scale, norm
