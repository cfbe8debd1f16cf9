"""Who else has computed the goldens: torch's own optimizers, schedulers and norms, and decimal numbers."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from proof.evidence import Witness

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.optim.AdamW, LinearLR followed by CosineAnnealingLR or LinearLR, and torch.nn.utils.get_total_norm."""

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

    @staticmethod
    def warmup_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
        if step >= total_steps:
            return floor  # a scheduler has no word on what comes after its end
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
        falling: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, total_steps - warmup_steps, eta_min=floor
        )
        if step >= warmup_steps:
            scheduler, count = falling, step - warmup_steps
        else:
            start = 1 / warmup_steps
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
            scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start, 1.0, max(warmup_steps - 1, 1))
            count = step
        for _ in range(count if count < 10_000 else 0):
            optimizer.step()
            scheduler.step()
        if count >= 10_000:
            scheduler.step(count)  # straight to this step
        return float(optimizer.param_groups[0]["lr"])

    @staticmethod
    def warmup_stable_decay(
        step: int, peak: float, floor: float, warmup_steps: int, total_steps: int, decay_steps: float
    ) -> float:
        if step < warmup_steps:
            return TorchWitness.warmup_cosine(step, peak, floor, warmup_steps, total_steps)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
        falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, floor / peak, decay_steps)  # type: ignore[arg-type]
        falling.step(max(0.0, step - (total_steps - decay_steps)))  # type: ignore[arg-type]
        return float(optimizer.param_groups[0]["lr"])

    @staticmethod
    def clip_gradients(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
        norm = torch.nn.utils.get_total_norm(gradients)
        scale = torch.clamp(limit / norm, max=1.0)
        return [gradient * scale for gradient in gradients], norm


class DecimalWitness:
    """Numbers of 60 digits, one at a time."""

    @staticmethod
    def adamw(
        parameter: Array, gradient: Array, first_moment: Array, second_moment: Array, step: int, *settings: float
    ) -> list[Array]:
        columns = [array.reshape(-1).tolist() for array in (parameter, gradient, first_moment, second_moment)]
        with localcontext(prec=60):
            rows = zip(*columns, strict=True)
            results = [_one_weight(step, [*map(Decimal, row)], [*map(Decimal, settings)]) for row in rows]
        return [np.array([row[place] for row in results], dtype=float).reshape(parameter.shape) for place in range(3)]

    @staticmethod
    def warmup_stable_decay(step: int, *settings: float) -> float:
        with localcontext(prec=60):
            peak, floor, warmup, total, decay = map(Decimal, settings)
            if step < warmup:
                return float(peak * (step + 1) / warmup)
            return float(max(floor, min(peak, floor + (peak - floor) * (total - step) / decay)))

    @staticmethod
    def clip_gradients(gradients: Sequence[Array], limit: float) -> tuple[list[Array], Array]:
        with localcontext(prec=60):
            squares = (Decimal(number) ** 2 for gradient in gradients for number in gradient.reshape(-1).tolist())
            norm = sum(squares, Decimal(0)).sqrt()
            scale = Decimal(limit) / norm if norm > limit else Decimal(1)
            return [_scaled(gradient, scale) for gradient in gradients], np.asarray(float(norm))


def _one_weight(step: int, row: Sequence[Decimal], settings: Sequence[Decimal]) -> tuple[Decimal, Decimal, Decimal]:
    weight, gradient, first, second = row
    rate, beta1, beta2, eps, decay = settings
    first += (1 - beta1) * (gradient - first)
    second += (1 - beta2) * (gradient * gradient - second)
    change = first / (1 - beta1**step) / ((second / (1 - beta2**step)).sqrt() + eps) + decay * weight
    return weight - rate * change, first, second


def _scaled(array: Array, scale: Decimal) -> Array:
    numbers = [float(Decimal(number) * scale) for number in array.reshape(-1).tolist()]
    return np.array(numbers, dtype=float).reshape(array.shape)


WITNESSES = (Witness("torch", lambda: TorchWitness, arrays="torch"), Witness("decimals", lambda: DecimalWitness))
