"""Rotary positions in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


def inverse_frequencies(d_head: int, base: float) -> Array:
    """Compute radians per position, base^(-2k/d) for the pairs k = 0 … d/2 - 1. Settings have no gradient."""
    if d_head % 2:
        raise ValueError("Pairs need an even d_head.")
    return base ** (-np.arange(0, d_head, 2) / d_head)


def rotary(x: Array, positions: Array, base: float) -> Array:
    """Rotate the pair (x[k], x[k + d/2]) by the angle position · base^(-2k/d)."""
    half = x.shape[-1] // 2
    angle = positions[..., None] * inverse_frequencies(x.shape[-1], base)
    first, second = x[..., :half], x[..., half:]
    rotated = first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)
    return np.concatenate(rotated, axis=-1)


def rotary_backward(dy: Array, x: Array, positions: Array, base: float) -> Array:
    """Gradient of x.

    y = R x, where R rotates every pair and does not depend on x. So dx = Rᵀ dy, and the transpose of a rotation is the
    rotation by the opposite angle:

        dx[k]       =  cos · dy[k] + sin · dy[k + d/2]
        dx[k + d/2] = -sin · dy[k] + cos · dy[k + d/2]
    """
    return rotary(dy, -positions, base)


def rotary_interleaved(x: Array, positions: Array, base: float) -> Array:
    """Rotate the pair (x[2k], x[2k + 1]) by the angle position · base^(-2k/d)."""
    angle = positions[..., None] * base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = even * np.cos(angle) - odd * np.sin(angle), odd * np.cos(angle) + even * np.sin(angle)
    return np.stack(rotated, axis=-1).reshape(x.shape)


def rotary_interleaved_backward(dy: Array, x: Array, positions: Array, base: float) -> Array:
    """Gradient of x: as in `rotary_backward`, the rotation by the opposite angle.

    dx[2k]     =  cos · dy[2k] + sin · dy[2k + 1]
    dx[2k + 1] = -sin · dy[2k] + cos · dy[2k + 1]
    """
    return rotary_interleaved(dy, -positions, base)
