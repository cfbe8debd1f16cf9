"""The average of the weights by Adam's way, from zero with a correction, and in decimal numbers."""

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.optim.swa_utils.AveragedModel, of a mean that began at zero and is corrected at the end."""

    @staticmethod
    def ema(average: Tensor, parameter: Tensor, step: int, decay: float) -> Tensor:
        holder = torch.nn.Module()
        holder.weight = torch.nn.Parameter(average * (1 - decay ** (step - 1)))

        def one_step(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
            return decay * averaged + (1 - decay) * current

        averaged = AveragedModel(holder, avg_fn=one_step)
        averaged.update_parameters(holder)  # the first one is a copy
        with torch.no_grad():
            holder.weight.copy_(parameter)
        averaged.update_parameters(holder)
        mean = averaged.module.get_parameter("weight").detach()
        return mean / (1 - decay**step)


class DecimalWitness:
    """Numbers of 60 digits: the sum with its shares, divided by the sum of the shares."""

    @staticmethod
    def ema(average: Array, parameter: Array, step: int, decay: float) -> Array:
        with localcontext(prec=60):
            kept = Decimal(decay)
            shares = (1 - kept ** (step - 1)) / (1 - kept) if step > 1 else Decimal(0)
            pairs = zip(average.reshape(-1).tolist(), parameter.reshape(-1).tolist(), strict=True)
            found = [
                float((kept * shares * Decimal(one) + Decimal(other)) / (kept * shares + 1)) for one, other in pairs
            ]
        return np.array(found, dtype=float).reshape(average.shape)
