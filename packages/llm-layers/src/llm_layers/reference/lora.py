"""Low-rank corrections in NumPy."""

from llm_layers.reference.arrays import Array, outer


def lora_linear(x: Array, weight: Array, down: Array, up: Array, scale: float) -> Array:
    """Compute y = W x + scale · up (down x), with weights stored (out, in)."""
    return x @ weight.T + scale * (x @ down.T) @ up.T


def lora_linear_backward(
    dy: Array, x: Array, weight: Array, down: Array, up: Array, scale: float
) -> tuple[Array, Array, Array]:
    """Gradients of x, down and up; the weight is frozen.

    Write h = x downᵀ for what the narrow middle holds, so that y = x Wᵀ + scale · h upᵀ. For a product y = a Bᵀ the
    gradients are da = dy B and dB = dyᵀ a, the latter summed over all vectors (`outer`). So
        dup   = scale · dyᵀ h
        dh    = scale · dy up
        ddown = dhᵀ x
        dx    = dy W + dh down, one part through each of the two ways.

    At the start up = 0, so dh = 0 and ddown = 0: in the first step only up moves.
    """
    dh = scale * dy @ up
    dx = dy @ weight + dh @ down
    return dx, outer(dh, x), scale * outer(dy, x @ down.T)


def merge_lora(weight: Array, down: Array, up: Array, scale: float) -> Array:
    """Compute W' = W + scale · up down."""
    return weight + scale * up @ down


def merge_lora_backward(
    dmerged: Array, weight: Array, down: Array, up: Array, scale: float
) -> tuple[Array, Array, Array]:
    """Gradients of weight, down and up.

    W' is a sum, so dW = dW'. For the product P = up down, element by element P[o, i] = Σᵣ up[o, r] down[r, i]:
        dup[o, r]   = Σᵢ dP[o, i] down[r, i]   ⇒   dup   = dP downᵀ
        ddown[r, i] = Σₒ up[o, r] dP[o, i]     ⇒   ddown = upᵀ dP
    with dP = scale · dW'.
    """
    product = scale * dmerged
    return dmerged.copy(), up.T @ product, product @ down.T
