"""Dropout in NumPy, with the draw as an input; and the draw from the key of a row."""

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


def dropout_mask(keys: Array, site: int, positions: int, width: int, rate: float) -> Array:
    """Return which elements of each row are kept: those whose draw, a hash of key, site and place, reaches the rate.

    The draw has 24 bits, which every kind of number holds exactly.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be at least 0 and below 1, but was {rate}")
    bits = keys.astype(np.uint64)  # in two's complement
    row = _mix(bits ^ _mix((bits >> 32) + site))  # `_mix` looks at the lower 32 bits only
    places = np.arange(positions * width, dtype=np.uint64) * 0x9E3779B1
    draws = _mix(places + row[:, None]) >> 8
    return np.reshape(draws >= round(rate * 2**24), (len(keys), positions, width))


def _mix(x: Array) -> Array:
    """Return another number for the lower 32 bits of each: every bit of x changes about half of its bits.

    Each step can be undone: a number xored with its own upper bits keeps them, and an odd factor has an inverse. So no
    two numbers become one. (A product of 64 bits that overflows has the right lower 32 bits nevertheless.)
    """
    x = x % 2**32
    x = (x ^ x >> 16) * 0x7FEB352D % 2**32
    x = (x ^ x >> 15) * 0x846CA68B % 2**32
    return x ^ x >> 16
