"""SGD with momentum, one line a formula."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def sgd(
    parameter: Array,
    gradient: Array,
    velocity: Array,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[Array, Array]:
    """Return the parameter and its velocity after one step.

    Derivation of Nesterov's form. His method evaluates the gradient ahead, at x - η μ v, where the velocity will carry
    x anyway. With θ = x - η μ v as the weight that is stored, and g its gradient:
        v' = μ v + g
        x' = x - η v'
        θ' = x' - η μ v' = θ + η μ v - η v' - η μ v' = θ - η (g + μ v')        since μ v = v' - g
    """
    gradient = gradient + weight_decay * parameter
    velocity = momentum * velocity + gradient
    step = gradient + momentum * velocity if nesterov else velocity
    return parameter - learning_rate * step, velocity
