"""What this folder says of arrays: one word for their type, and the gradient of a weight."""

from typing import Any

Array = Any
"""A NumPy array of float64, or of complex128 for the complex step. NumPy's own types lose track in arithmetic."""


def outer(dp: Array, n: Array) -> Array:
    """Return the gradient of W for p = n Wᵀ: Σ over vectors of dp nᵀ."""
    return dp.reshape(-1, dp.shape[-1]).T @ n.reshape(-1, n.shape[-1])
