"""Our own functions under the contracts' names."""

import torch
from torch import Tensor

from llm_train import schedule
from llm_train.optimizers import adamw_update, clipping

SPEC_ARRAYS = "torch"


def adamw(
    parameter: Tensor, gradients: Tensor, learning_rate: float, beta1: float, beta2: float, eps: float,
    weight_decay: float,
) -> Tensor:  # fmt: skip
    """Make one update after the other and keep the parameter after each."""
    current, mean, square = parameter.clone(), torch.zeros_like(parameter), torch.zeros_like(parameter)
    after = []
    for step, gradient in enumerate(gradients, start=1):
        adamw_update(
            current, gradient, mean, square, step,
            learning_rate=learning_rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay,
        )  # fmt: skip
        after.append(current.clone())
    return torch.stack(after)


def clip_gradients(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    """Clip two gradients together."""
    (one, other), norm = clipping.clip_gradients([first, second], limit)
    return one, other, norm


warmup_cosine = schedule.warmup_cosine
