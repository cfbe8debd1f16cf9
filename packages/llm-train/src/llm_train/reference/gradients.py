"""Clipping by the norm of all gradients together."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def clip_gradients(first: Array, second: Array, limit: float) -> tuple[Array, Array, Array]:
    """Both gradients, shortened together where their joint norm is above the limit; and that norm."""
    norm = math.sqrt(float((first**2).sum()) + float((second**2).sum()))
    if norm > limit:
        first, second = first * (limit / norm), second * (limit / norm)
    return first, second, np.asarray(norm)
