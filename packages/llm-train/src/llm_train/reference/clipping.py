"""Clipping by the norm of all gradients together."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def clip_gradients(gradients: Sequence[Array], limit: float) -> tuple[list[Array], Array]:
    """Return the gradients, scaled down together where their joint norm is above the limit; and that norm."""
    norm = math.sqrt(sum(float((gradient**2).sum()) for gradient in gradients))
    scale = limit / norm if norm > limit else 1.0
    return [gradient * scale for gradient in gradients], np.asarray(norm)
