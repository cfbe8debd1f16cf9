"""AdamW, one line a formula."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def adamw(
    parameter: Array,
    gradient: Array,
    first_moment: Array,
    second_moment: Array,
    step: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Array, Array, Array]:
    """Return the parameter and its two moments after one step.

    Derivation of the bias correction: with a constant gradient g the first moment after t steps is
    m = (1 - β1) (1 + β1 + … + β1^(t-1)) g = (1 - β1^t) g, so m / (1 - β1^t) is g itself, from the
    first step on. The second moment goes the same way with β2 and g².
    """
    first_moment = beta1 * first_moment + (1 - beta1) * gradient
    second_moment = beta2 * second_moment + (1 - beta2) * gradient**2
    mean = first_moment / (1 - beta1**step)
    spread = np.sqrt(second_moment / (1 - beta2**step))
    parameter = parameter - learning_rate * weight_decay * parameter - learning_rate * mean / (spread + eps)
    return parameter, first_moment, second_moment
