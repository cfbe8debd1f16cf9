"""Positions that are added, in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


def learned_positions(x: Array, table: Array, positions: Array) -> Array:
    """Compute y = x + table[positions]; positions may have fewer leading axes than x."""
    return x + table[positions]


def learned_positions_backward(dy: Array, x: Array, table: Array, positions: Array) -> tuple[Array, Array]:
    """Gradients of x and of the table.

    A sum passes its gradient to both terms: dx = dy, and the row at every place gets dy of that place. A row that
    is at several places, in several texts of the batch or twice in one, collects from all of them:

        dtable[p] = Σ over places i with positions[i] = p of dy[i]

    Where all texts share one set of positions, it is first copied to each of them; copying, too, is summed back.
    """
    dtable = np.zeros(table.shape)
    np.add.at(dtable, np.broadcast_to(positions, x.shape[:-1]), dy)
    return dy.copy(), dtable


def sinusoidal_positions(positions: Array, d_model: int, base: float) -> Array:
    """Compute y[2k] = sin(p · base^(-2k/d)) and y[2k + 1] = cos of the same angle. Positions have no gradient."""
    angle = positions[..., None] * base ** (-np.arange(0, d_model, 2) / d_model)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return waves.reshape(*angle.shape[:-1], d_model)
