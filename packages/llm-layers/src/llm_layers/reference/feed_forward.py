"""SwiGLU in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array, outer


def sigmoid(a: Array) -> Array:
    """Give 1 / (1 + exp(-a)), written so that the exponent is never positive."""
    negative = a.real < 0
    e = np.exp(np.where(negative, a, -a))
    return np.where(negative, e, 1) / (1 + e)


def swiglu(x: Array, gate: Array, up: Array, down: Array) -> Array:
    """Give y = (silu(x gateᵀ) ⊙ x upᵀ) downᵀ  with silu(a) = a · sigmoid(a)."""
    a = x @ gate.T
    return (a * sigmoid(a) * (x @ up.T)) @ down.T


def swiglu_backward(dy: Array, x: Array, gate: Array, up: Array, down: Array) -> tuple[Array, Array, Array, Array]:
    """Gradients of x, gate, up and down.

    With a = x gateᵀ, u = x upᵀ, s = sigmoid(a), h = a s u and y = h downᵀ, taken apart from the end:

    - y = h downᵀ:    dh = dy down                   ddown = Σ over vectors of dy hᵀ
    - h = (a s) u:    du = dh · a s                  d(a s) = dh · u
    - silu:           s' = s (1 - s), so (a s)' = s + a s (1 - s) = s · (1 + a (1 - s))
                      da = dh · u · s · (1 + a (1 - s))
    - a and u:        dgate = Σ da xᵀ,  dup = Σ du xᵀ,  dx = da gate + du up, both ways back to x added
    """
    a, u = x @ gate.T, x @ up.T
    s = sigmoid(a)
    dh = dy @ down
    du = dh * a * s
    da = dh * u * s * (1 + a * (1 - s))
    return da @ gate + du @ up, outer(da, x), outer(du, x), outer(dy, a * s * u)
