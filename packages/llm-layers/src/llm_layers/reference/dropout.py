"""Dropout in NumPy, with the draw as an input."""

import numpy as np

from llm_layers.reference.arrays import Array


def dropout(x: Array, kept: Array, rate: float) -> Array:
    """Compute x / (1 - rate) where kept, else 0."""
    return np.where(kept, x / (1 - rate), 0)


def dropout_backward(dy: Array, x: Array, kept: Array, rate: float) -> Array:
    """Gradient of x.

    The mask is drawn, not computed from x: to the gradient it is a constant m of zeros and ones, and y = x · m/(1-rate)
    is linear in every value by itself:

        dx = dy · m / (1 - rate)

    So the same mask that struck out a number strikes out its gradient, with the same factor on the rest.
    """
    return np.where(kept, dy / (1 - rate), 0)
