"""AdamW, written otherwise."""

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


@variant("both corrections in the rate, float32 at least, as the paper speeds it up")
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
