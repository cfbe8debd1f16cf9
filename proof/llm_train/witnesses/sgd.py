"""SGD by torch.optim, and in decimal numbers."""

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.optim.SGD."""

    @staticmethod
    def sgd(
        parameter: Tensor, gradient: Tensor, velocity: Tensor,
        learning_rate: float, momentum: float, weight_decay: float, nesterov: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        weight = torch.nn.Parameter(parameter.clone())
        weight.grad = gradient.clone()
        settings: dict[str, Any] = {"momentum": momentum, "weight_decay": weight_decay, "foreach": False}
        if not momentum:  # torch keeps no velocity then
            torch.optim.SGD([weight], lr=learning_rate, **settings).step()
            return weight.detach(), gradient + weight_decay * parameter
        optimizer = torch.optim.SGD([weight], lr=learning_rate, nesterov=nesterov, **settings)
        optimizer.state[weight]["momentum_buffer"] = velocity.clone()
        optimizer.step()
        return weight.detach(), optimizer.state[weight]["momentum_buffer"]


class DecimalWitness:
    """Numbers of 60 digits, one weight at a time."""

    @staticmethod
    def sgd(
        parameter: Array, gradient: Array, velocity: Array,
        learning_rate: float, momentum: float, weight_decay: float, nesterov: bool,
    ) -> list[Array]:  # fmt: skip
        columns = [array.reshape(-1).tolist() for array in (parameter, gradient, velocity)]
        weights, velocities = [], []
        with localcontext(prec=60):
            rate, kept, decay = Decimal(learning_rate), Decimal(momentum), Decimal(weight_decay)
            for weight, slope, speed in (map(Decimal, row) for row in zip(*columns, strict=True)):
                slope += decay * weight
                speed = kept * speed + slope
                weights.append(float(weight - rate * (slope + kept * speed if nesterov else speed)))
                velocities.append(float(speed))
        return [np.array(numbers, dtype=float).reshape(parameter.shape) for numbers in (weights, velocities)]
