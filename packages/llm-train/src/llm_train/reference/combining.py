"""The accumulation rule: sums are added up, and divided once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def combine(sums: Sequence[float], counts: Sequence[float], gradients: Sequence[Array]) -> tuple[float, Array, float]:
    """Return the mean loss, the gradient of one weight, and the count of all parts.

    Derivation. With the losses l(i) of all counted targets i, the mean is Σ l(i) / n. Cut into parts P(k), it is
    Σ over k of (Σ l(i) for i in P(k)) / n with n = Σ n(k). Differentiated, each inner sum is a part's gradient. The
    mean of the means, Σ over k of (Σ l(i) / n(k)) / parts, is the same only if all n(k) are equal.
    """
    count = sum(counts)
    divisor = count if count else 1.0
    return sum(sums) / divisor, np.sum(np.stack(list(gradients)), axis=0) / divisor, count
