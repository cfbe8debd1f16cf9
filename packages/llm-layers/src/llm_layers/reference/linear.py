"""The linear layer in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array, outer


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """Compute y = x Wᵀ + b: each value of y is the dot product of x with one row of W."""
    y = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(dy: Array, x: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
    """Gradients of x, weight and bias.

    For one vector y[o] = Σᵢ W[o, i] x[i] + b[o]:

    - x[i] enters every y[o] with the factor W[o, i]:   dx[i] = Σₒ dy[o] W[o, i],  in short  dx = dy W
    - W[o, i] enters only y[o], with the factor x[i]:    dW[o, i] = dy[o] x[i]
    - b[o] enters only y[o], with the factor 1:          db[o] = dy[o]

    All vectors share W and b, so their gradients are summed over the vectors: dW = Σ dy xᵀ, db = Σ dy.
    """
    return dy @ weight, outer(dy, x), np.sum(dy, axis=tuple(range(x.ndim - 1)))
