"""Who else has computed the goldens: torch's own optimizers and schedulers, and sums without recursion."""

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Witness

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.optim.AdamW, LinearLR followed by CosineAnnealingLR, and torch.linalg."""

    @staticmethod
    def adamw(
        parameter: Tensor, gradients: Tensor, learning_rate: float, beta1: float, beta2: float, eps: float,
        weight_decay: float,
    ) -> Tensor:  # fmt: skip
        weight = torch.nn.Parameter(parameter.clone())
        optimizer = torch.optim.AdamW(
            [weight], lr=learning_rate, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, foreach=False
        )
        parameters = []
        for gradient in gradients:
            weight.grad = gradient.clone()
            optimizer.step()
            parameters.append(weight.detach().clone())
        return torch.stack(parameters)

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
        for _ in range(count):
            optimizer.step()
            scheduler.step()
        return float(optimizer.param_groups[0]["lr"])

    @staticmethod
    def clip_gradients(first: Tensor, second: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
        norm = torch.linalg.vector_norm(torch.cat([first.flatten(), second.flatten()]))
        scale = torch.clamp(limit / norm, max=1.0) if norm > 0 else torch.ones_like(norm)
        return first * scale, second * scale, norm


class SummedWitness:
    """The moments as sums over all gradients so far, without recursion; norms by `math.hypot`."""

    @staticmethod
    def adamw(
        parameter: Array, gradients: Array, learning_rate: float, beta1: float, beta2: float, eps: float,
        weight_decay: float,
    ) -> Array:  # fmt: skip
        rows = gradients.tolist()
        columns = []
        for place, start in enumerate(parameter.tolist()):
            numbers, value = [], start
            for t in range(1, len(rows) + 1):
                past = [row[place] for row in rows[:t]]
                mean = _weighted_mean(past, beta1)
                square = _weighted_mean([number * number for number in past], beta2)
                value = math.fsum(
                    [value, -learning_rate * weight_decay * value, -learning_rate * mean / (math.sqrt(square) + eps)]
                )
                numbers.append(value)
            columns.append(numbers)
        return np.array(columns).T

    @staticmethod
    def clip_gradients(first: Array, second: Array, limit: float) -> tuple[Array, Array, Array]:
        norm = math.hypot(*itertools.chain(first.reshape(-1).tolist(), second.tolist()))
        scale = limit / norm if norm > limit else 1.0
        return first * scale, second * scale, np.asarray(norm)


def _weighted_mean(past: list[float], beta: float) -> float:
    """Weights β^age, normalized by their own sum: what bias correction comes to."""
    weights = [beta ** (len(past) - 1 - age) for age in range(len(past))]
    return math.fsum(weight * number for weight, number in zip(weights, past, strict=True)) / math.fsum(weights)


WITNESSES = (Witness("torch", lambda: TorchWitness, arrays="torch"), Witness("sums", lambda: SummedWitness))
