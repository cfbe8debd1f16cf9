"""RMSNorm in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


def rms_norm(x: Array, gain: Array, eps: float) -> Array:
    """Give y = gain · x · r  with r = 1/√(mean(x²) + eps), along the last axis."""
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    return gain * x * r


def rms_norm_backward(dy: Array, x: Array, gain: Array, eps: float) -> tuple[Array, Array]:
    """Gradients of x and gain.

    Write n = x · r for the normalised vector, d for its length, g = dy · gain for the gradient of n.

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
