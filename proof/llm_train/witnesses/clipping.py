"""Clipping by torch.nn.utils, and in decimal numbers."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


class TorchWitness:
    """torch.nn.utils.get_total_norm."""

    @staticmethod
    def clip_gradients(gradients: Sequence[Tensor], limit: float) -> tuple[list[Tensor], Tensor]:
        norm = torch.nn.utils.get_total_norm(gradients)
        scale = torch.clamp(limit / norm, max=1.0)
        return [gradient * scale for gradient in gradients], norm


class DecimalWitness:
    """Numbers of 60 digits."""

    @staticmethod
    def clip_gradients(gradients: Sequence[Array], limit: float) -> tuple[list[Array], Array]:
        with localcontext(prec=60):
            squares = (Decimal(number) ** 2 for gradient in gradients for number in gradient.reshape(-1).tolist())
            norm = sum(squares, Decimal(0)).sqrt()
            scale = Decimal(limit) / norm if norm > limit else Decimal(1)
            return [_scaled(gradient, scale) for gradient in gradients], np.asarray(float(norm))


def _scaled(array: Array, scale: Decimal) -> Array:
    numbers = [float(Decimal(number) * scale) for number in array.reshape(-1).tolist()]
    return np.array(numbers, dtype=float).reshape(array.shape)
