"""Correct implementations that are written otherwise; the specification must accept them."""

import cmath
import math
from collections.abc import Sequence
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
    parameter: Tensor, gradient: Tensor, first_moment: Tensor, second_moment: Tensor, step: int,
    learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    first = torch.lerp(first_moment, gradient, 1 - beta1)
    second = torch.lerp(second_moment, gradient * gradient, 1 - beta2)
    denominator = second.sqrt() / math.sqrt(1 - beta2**step) + eps
    shrunk = parameter * (1 - learning_rate * weight_decay)
    return shrunk - (learning_rate / (1 - beta1**step)) * first / denominator, first, second


@variant("float32 inside", arrays="numpy")
def adamw_in_float32(
    parameter: Array, gradient: Array, first_moment: Array, second_moment: Array, step: int,
    learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float,
) -> list[Array]:  # fmt: skip
    p, g, m, v = (array.astype(np.float32) for array in (parameter, gradient, first_moment, second_moment))
    m = np.float32(beta1) * m + np.float32(1 - beta1) * g
    v = np.float32(beta2) * v + np.float32(1 - beta2) * g**2
    change = m / np.float32(1 - beta1**step) / (np.sqrt(v / np.float32(1 - beta2**step)) + np.float32(eps))
    p = p - np.float32(learning_rate * weight_decay) * p - np.float32(learning_rate) * change
    return [array.astype(parameter.dtype) for array in (p, m, v)]


@variant("in place, on copies")
def adamw_on_copies(
    parameter: Tensor, gradient: Tensor, first_moment: Tensor, second_moment: Tensor, step: int,
    learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    p, m, v = parameter.clone(), first_moment.clone(), second_moment.clone()
    m.mul_(beta1).add_(gradient, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    p.mul_(1 - learning_rate * weight_decay)
    p.addcdiv_(m / (1 - beta1**step), torch.sqrt(v / (1 - beta2**step)) + eps, value=-learning_rate)
    return p, m, v


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
def torchs_own(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    parameters = [torch.nn.Parameter(gradient.clone()) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    return [parameter.grad for parameter in parameters if parameter.grad is not None], norm


@variant("norm of the norms", arrays="numpy")
def norm_of_norms(gradients: Sequence[Array], limit: float) -> tuple[tuple[Array, ...], float]:
    norm = math.hypot(*(float(np.linalg.norm(gradient.reshape(-1))) for gradient in gradients))
    if norm <= limit:
        return tuple(gradients), norm
    return tuple(gradient / (norm / limit) for gradient in gradients), norm


@variant("one long vector")
def one_vector(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    return [gradient * (limit / norm).clamp(max=1) for gradient in gradients], norm


VARIANTS.of("train.warmup_cosine")("the real part of a number that turns half round")(
    lambda step, peak, floor, warmup_steps, total_steps: (
        peak * (step + 1) / warmup_steps
        if step < warmup_steps
        else (peak + floor) / 2
        + (peak - floor)
        / 2
        * cmath.rect(1, math.pi * min(1, (step - warmup_steps) / (total_steps - warmup_steps))).real
    )
)


@VARIANTS.of("train.warmup_cosine")("what is lost since the peak, NumPy", arrays="numpy")
def lost_since_the_peak(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return float(np.interp(step + 1, [0, warmup_steps], [0.0, peak]))
    down = np.interp(step, [warmup_steps, total_steps], [0.0, 1.0])
    return float(peak - (peak - floor) * np.sin(np.pi / 2 * down) ** 2)


@VARIANTS.of("train.warmup_stable_decay")("between four corners, NumPy", arrays="numpy")
def four_corners(
    step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
) -> float:
    corners = [-1, warmup_steps - 1, total_steps - decay_steps, total_steps]
    return float(np.interp(step, corners, [0.0, peak, peak, floor]))


VARIANTS.of("train.warmup_stable_decay")("the least of the lines")(
    lambda step, peak, floor, warmup_steps, total_steps, decay_steps: min(
        peak * (step + 1) / (warmup_steps or 1),
        peak,
        max(floor, peak - (peak - floor) * (step - total_steps + decay_steps) / decay_steps),
    )
)


@VARIANTS.of("train.adamw")("both corrections in the rate, float32 at least, as the paper speeds it up")
def adamw_corrected_rate(
    parameter: Tensor, gradient: Tensor, first_moment: Tensor, second_moment: Tensor, step: int,
    learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float,
) -> tuple[Tensor, ...]:  # fmt: skip
    wide = torch.promote_types(parameter.dtype, torch.float32)
    p, g, m, v = (tensor.to(wide) for tensor in (parameter, gradient, first_moment, second_moment))
    m = m + (1 - beta1) * (g - m)
    v = beta2 * v + (1 - beta2) * g.square()
    root = math.sqrt(1 - beta2**step)
    p = p - learning_rate * weight_decay * p - learning_rate * root / (1 - beta1**step) * m / (v.sqrt() + eps * root)
    return tuple(tensor.to(parameter.dtype) for tensor in (p, m, v))


@VARIANTS.of("train.clip_gradients")("norms in float32 at least, one factor for all")
def one_factor(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
    wide = torch.promote_types(gradients[0].dtype, torch.float32)
    norms = [torch.linalg.vector_norm(gradient, dtype=wide) for gradient in gradients]
    norm = torch.linalg.vector_norm(torch.stack(norms))
    factor = (limit / torch.maximum(norm, torch.tensor(limit, dtype=wide))).item()
    return [gradient * factor for gradient in gradients], norm
