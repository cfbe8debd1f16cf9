"""Rotary positions in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


def rotary(x: Array, positions: Array, base: float) -> Array:
    """Turn the pair (x[k], x[k + d/2]) by the angle position · base^(-2k/d)."""
    half = x.shape[-1] // 2
    angle = positions[..., None] * base ** (-np.arange(half) / half)
    first, second = x[..., :half], x[..., half:]
    turned = first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)
    return np.concatenate(turned, axis=-1)


def rotary_backward(dy: Array, x: Array, positions: Array, base: float) -> Array:
    """Gradient of x.

    y = R x, where R turns every pair and does not depend on x. So dx = Rᵀ dy, and the transpose of a rotation is the
    rotation by the opposite angle:

        dx[k]       =  cos · dy[k] + sin · dy[k + d/2]
        dx[k + d/2] = -sin · dy[k] + cos · dy[k + d/2]
    """
    return rotary(dy, -positions, base)
