"""The norms in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


def rms_norm(x: Array, gain: Array, eps: float) -> Array:
    """Compute y = gain · x · r  with r = 1/√(mean(x²) + eps), along the last axis."""
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    return gain * x * r


def rms_norm_backward(dy: Array, x: Array, gain: Array, eps: float) -> tuple[Array, Array]:
    """Gradients of x and gain.

    Write n = x · r for the normalized vector, d for its length, g = dy · gain for the gradient of n.

    - y = gain · n, and the gain is shared by all vectors:  dgain = Σ over vectors of dy · n.
    - n[i] = x[i] · r, where r depends on every x[j]:
        r = (mean(x²) + eps)^(-1/2)   ⇒   ∂r/∂x[j] = -½ · r³ · 2x[j]/d = -r³ x[j]/d
        ∂n[i]/∂x[j] = r·[i = j] + x[i] · (-r³ x[j]/d) = r · ([i = j] - n[i] n[j] / d)
        dx[j] = Σᵢ g[i] ∂n[i]/∂x[j] = r · (g[j] - n[j] · mean(g · n))

    In words: the part of the gradient that points along x is taken out, because making x longer changes nothing.
    """
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    n = x * r
    g = dy * gain
    dx = r * (g - n * np.mean(g * n, axis=-1, keepdims=True))
    dgain = np.sum(dy * n, axis=tuple(range(x.ndim - 1)))
    return dx, dgain


def layer_norm(x: Array, gain: Array, bias: Array | None, eps: float) -> Array:
    """Return the RMSNorm of c = x - mean(x), plus bias: the mean square of c is the variance of x."""
    y = rms_norm(_center(x), gain, eps)
    return y if bias is None else y + bias


def layer_norm_backward(dy: Array, x: Array, gain: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
    """Gradients of x, gain and bias.

    - y = rms_norm(c) + bias: bias is added to every vector, so  dbias = Σ over vectors of dy;
      dc and dgain are those of RMSNorm.
    - c[i] = x[i] - mean(x), where every x[j] is in the mean:
        ∂c[i]/∂x[j] = [i = j] - 1/d   ⇒   dx[j] = Σᵢ dc[i] ([i = j] - 1/d) = dc[j] - mean(dc)

    In words: what the gradient would do to all coordinates alike is taken out, because moving all of x changes
    nothing. Written out with n = c · r and g = dy · gain:  dx = r · (g - mean(g) - n · mean(g · n)).
    """
    dc, dgain = rms_norm_backward(dy, _center(x), gain, eps)
    return _center(dc), dgain, np.sum(dy, axis=tuple(range(x.ndim - 1)))


def query_key_norm(query: Array, key: Array, query_gain: Array, key_gain: Array, eps: float) -> tuple[Array, Array]:
    """Return the RMSNorm of the queries and that of the keys, along d_head, each with its own gain."""
    return rms_norm(query, query_gain, eps), rms_norm(key, key_gain, eps)


def query_key_norm_backward(
    dquery: Array, dkey: Array, query: Array, key: Array, query_gain: Array, key_gain: Array, eps: float
) -> tuple[Array, Array, Array, Array]:
    """Gradients of query, key, query_gain and key_gain.

    Queries and keys do not meet here, so each has the gradient of its own RMSNorm; a gain serves all heads and
    positions, and RMSNorm's backward sums over all leading axes, these among them.
    """
    dq, dquery_gain = rms_norm_backward(dquery, query, query_gain, eps)
    dk, dkey_gain = rms_norm_backward(dkey, key, key_gain, eps)
    return dq, dk, dquery_gain, dkey_gain


def _center(x: Array) -> Array:
    return x - np.mean(x, axis=-1, keepdims=True)
