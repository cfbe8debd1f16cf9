"""Where the norm stands, in NumPy. The part is one weight, stored (out, in).

Three rules join everything here:

- A sum passes its gradient to both terms; where x goes two ways, what flows back on both is added.
- p = n Wᵀ:  dn = dp W,  dW = Σ over vectors of dp nᵀ.
- The norm has its own backward.
"""

from llm_layers.reference.arrays import Array, outer
from llm_layers.reference.norm import rms_norm, rms_norm_backward


def pre_norm(x: Array, gain: Array, weight: Array, eps: float) -> Array:
    """Compute y = x + norm(x) Wᵀ."""
    return x + rms_norm(x, gain, eps) @ weight.T


def pre_norm_backward(dy: Array, x: Array, gain: Array, weight: Array, eps: float) -> tuple[Array, Array, Array]:
    """Gradients of x, gain and weight.

    With n = norm(x) and y = x + n Wᵀ:

    - the part:       dn = dy W,  dW = Σ over vectors of dy nᵀ
    - the norm:       gives dx' and dgain for dn
    - the stream:     dx = dy + dx'. The dy stands alone: it came through nothing.
    """
    dx, dgain = rms_norm_backward(dy @ weight, x, gain, eps)
    return dy + dx, dgain, outer(dy, rms_norm(x, gain, eps))


def post_norm(x: Array, gain: Array, weight: Array, eps: float) -> Array:
    """Compute y = norm(x + x Wᵀ)."""
    return rms_norm(x + x @ weight.T, gain, eps)


def post_norm_backward(dy: Array, x: Array, gain: Array, weight: Array, eps: float) -> tuple[Array, Array, Array]:
    """Gradients of x, gain and weight.

    With h = x + x Wᵀ and y = norm(h):

    - the norm:       gives dh and dgain for dy: the whole gradient passes through it
    - the part:       dW = Σ over vectors of dh xᵀ
    - the stream:     dx = dh + dh W
    """
    dh, dgain = rms_norm_backward(dy, x + x @ weight.T, gain, eps)
    return dh + dh @ weight, dgain, outer(dh, x)


def branch_norm(x: Array, gain: Array, weight: Array, eps: float) -> Array:
    """Compute y = x + norm(x Wᵀ)."""
    return x + rms_norm(x @ weight.T, gain, eps)


def branch_norm_backward(dy: Array, x: Array, gain: Array, weight: Array, eps: float) -> tuple[Array, Array, Array]:
    """Gradients of x, gain and weight.

    With p = x Wᵀ and y = x + norm(p):

    - the norm:       gives dp and dgain for dy
    - the part:       dW = Σ over vectors of dp xᵀ
    - the stream:     dx = dy + dp W. The dy stands alone, as with pre-norm.
    """
    dp, dgain = rms_norm_backward(dy, x @ weight.T, gain, eps)
    return dy + dp @ weight, dgain, outer(dp, x)
