"""The exponential moving average of the weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def ema(average: Array, parameter: Array, step: int, decay: float) -> Array:
    """Return the average after the weights of one more step.

    Derivation. Let s(t) = Σ βᵗ⁻ᵏ θ(k) and n(t) = Σ βᵗ⁻ᵏ for k from 1 to t, and a(t) = s(t) / n(t) the mean with these
    shares. Since s(t) = β s(t-1) + θ(t) and n(t) = β n(t-1) + 1,
        a(t) = (β n(t-1) a(t-1) + θ(t)) / n(t) = a(t-1) + (θ(t) - a(t-1)) / n(t)        n(t) = (1 - βᵗ) / (1 - β)
    """
    share = (1 - decay) / (1 - decay**step)
    return average + share * (parameter - average)
