"""By which fraction of themselves weights have moved."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def update_ratio(before: Sequence[Array], after: Sequence[Array]) -> float:
    """Return the norm of the difference over the norm before, both over all arrays together."""
    moved = math.sqrt(sum(float(((new - old) ** 2).sum()) for old, new in zip(before, after, strict=True)))
    length = math.sqrt(sum(float((old**2).sum()) for old in before))
    if length == 0:
        return math.inf if moved > 0 else 0.0
    return moved / length
