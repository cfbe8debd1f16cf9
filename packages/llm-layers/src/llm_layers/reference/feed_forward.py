"""The feed-forward parts in NumPy."""

import numpy as np

from llm_layers.reference.activation import gelu_tanh, gelu_tanh_backward, relu_squared, relu_squared_backward, sigmoid
from llm_layers.reference.arrays import Array, outer


def swiglu(x: Array, gate: Array, up: Array, down: Array) -> Array:
    """Compute y = (silu(x gateᵀ) ⊙ x upᵀ) downᵀ  with silu(a) = a · sigmoid(a)."""
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


def geglu(x: Array, gate: Array, up: Array, down: Array) -> Array:
    """Compute y = (gelu_tanh(x gateᵀ) ⊙ x upᵀ) downᵀ."""
    return (gelu_tanh(x @ gate.T) * (x @ up.T)) @ down.T


def geglu_backward(dy: Array, x: Array, gate: Array, up: Array, down: Array) -> tuple[Array, Array, Array, Array]:
    """Gradients of x, gate, up and down.

    With a = x gateᵀ, u = x upᵀ, b = gelu_tanh(a), h = b u and y = h downᵀ, taken apart from the end:

    - y = h downᵀ:    dh = dy down                   ddown = Σ over vectors of dy hᵀ
    - h = b u:        db = dh · u                    du = dh · b
    - b = gelu(a):    da = db · gelu_tanh'(a)
    - a and u:        dgate = Σ da xᵀ,  dup = Σ du xᵀ,  dx = da gate + du up, both ways back to x added
    """
    a, u = x @ gate.T, x @ up.T
    b = gelu_tanh(a)
    dh = dy @ down
    du = dh * b
    da = gelu_tanh_backward(dh * u, a)
    return da @ gate + du @ up, outer(da, x), outer(du, x), outer(dy, b * u)


def gelu_feed_forward(x: Array, up: Array, up_bias: Array, down: Array, down_bias: Array) -> Array:
    """Compute y = gelu_tanh(x upᵀ + up_bias) downᵀ + down_bias."""
    return gelu_tanh(x @ up.T + up_bias) @ down.T + down_bias


def gelu_feed_forward_backward(
    dy: Array, x: Array, up: Array, up_bias: Array, down: Array, down_bias: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Gradients of x, up, up_bias, down and down_bias.

    With a = x upᵀ + up_bias, h = gelu_tanh(a) and y = h downᵀ + down_bias:

    - y:              dh = dy down,  ddown = Σ over vectors of dy hᵀ,  ddown_bias = Σ over vectors of dy
    - h:              da = dh · gelu_tanh'(a)
    - a:              dx = da up,  dup = Σ over vectors of da xᵀ,  dup_bias = Σ over vectors of da

    A bias is added to every vector, so its gradient is a sum over all of them.
    """
    a = x @ up.T + up_bias
    da = gelu_tanh_backward(dy @ down, a)
    vectors = tuple(range(x.ndim - 1))
    return da @ up, outer(da, x), np.sum(da, axis=vectors), outer(dy, gelu_tanh(a)), np.sum(dy, axis=vectors)


def relu_squared_feed_forward(x: Array, up: Array, down: Array) -> Array:
    """Compute y = max(x upᵀ, 0)² downᵀ."""
    return relu_squared(x @ up.T) @ down.T


def relu_squared_feed_forward_backward(dy: Array, x: Array, up: Array, down: Array) -> tuple[Array, Array, Array]:
    """Gradients of x, up and down.

    With a = x upᵀ, h = max(a, 0)² and y = h downᵀ:

    - y = h downᵀ:    dh = dy down                   ddown = Σ over vectors of dy hᵀ
    - h = max(a, 0)²: da = dh · 2 max(a, 0)
    - a = x upᵀ:      dx = da up                     dup = Σ over vectors of da xᵀ
    """
    a = x @ up.T
    da = relu_squared_backward(dy @ down, a)
    return da @ up, outer(da, x), outer(dy, relu_squared(a))
