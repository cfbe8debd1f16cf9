"""AdamW by torch.optim, and in decimal numbers."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.optim.AdamW."""

    @staticmethod
    def adamw(
        parameter: Tensor, gradient: Tensor, first_moment: Tensor, second_moment: Tensor, step: int,
        learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        weight = torch.nn.Parameter(parameter.clone())
        weight.grad = gradient.clone()
        optimizer = torch.optim.AdamW(
            [weight], lr=learning_rate, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, foreach=False
        )
        first, second = first_moment.clone(), second_moment.clone()
        optimizer.state[weight] = {"step": torch.tensor(step - 1.0), "exp_avg": first, "exp_avg_sq": second}
        optimizer.step()
        return weight.detach(), first, second


class DecimalWitness:
    """Numbers of 60 digits, one weight at a time."""

    @staticmethod
    def adamw(
        parameter: Array, gradient: Array, first_moment: Array, second_moment: Array, step: int, *settings: float
    ) -> list[Array]:
        columns = [array.reshape(-1).tolist() for array in (parameter, gradient, first_moment, second_moment)]
        with localcontext(prec=60):
            rows = zip(*columns, strict=True)
            results = [_one_weight(step, [*map(Decimal, row)], [*map(Decimal, settings)]) for row in rows]
        return [np.array([row[place] for row in results], dtype=float).reshape(parameter.shape) for place in range(3)]


def _one_weight(step: int, row: Sequence[Decimal], settings: Sequence[Decimal]) -> tuple[Decimal, Decimal, Decimal]:
    weight, gradient, first, second = row
    rate, beta1, beta2, eps, decay = settings
    first += (1 - beta1) * (gradient - first)
    second += (1 - beta2) * (gradient * gradient - second)
    change = first / (1 - beta1**step) / ((second / (1 - beta2**step)).sqrt() + eps) + decay * weight
    return weight - rate * change, first, second
