"""The activations in NumPy."""

import math

import numpy as np

from llm_layers.reference.arrays import Array

ROOT = math.sqrt(2 / math.pi)
CUBE = 0.044715


def sigmoid(a: Array) -> Array:
    """Compute 1 / (1 + exp(-a)), written so that the exponent is never positive."""
    negative = a.real < 0
    e = np.exp(np.where(negative, a, -a))
    return np.where(negative, e, 1) / (1 + e)


def normal_density(x: Array) -> Array:
    """Compute φ(x) = exp(-x²/2) / √(2π), the bell curve."""
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def normal_share(x: Array) -> Array:
    """Compute Φ(x) = ½ (1 + erf(x/√2)) = ½ erfc(-x/√2), the fraction of the bell curve to the left of x.

    NumPy has no erf. Python's own `math.erfc` is exact to float64 for real numbers, and it does not cancel far on the
    left as 1 + erf does. For the complex step it must also take a + bi with a tiny b, and there Taylor's first two
    terms are all there is:

        Φ(a + bi) = Φ(a) + bi φ(a) + (terms with b²),   and b² = 1e-60 is far below the last bit.

    φ is the slope of Φ by definition: Φ is the area under φ. So the complex step bears witness to all of GELU but for
    this one slope, and torch's own erf bears witness to that.
    """
    share = np.asarray(_erfc(-np.real(x) / math.sqrt(2)), dtype=np.float64) / 2
    return share + 1j * np.imag(x) * normal_density(np.real(x)) if np.iscomplexobj(x) else share


_erfc = np.frompyfunc(math.erfc, 1, 1)


def gelu(x: Array) -> Array:
    """Compute y = x · Φ(x)."""
    return x * normal_share(x)


def gelu_backward(dy: Array, x: Array) -> Array:
    """Gradient of x.

    The product rule, with Φ' = φ:  dy/dx = Φ(x) + x · φ(x). Far to the left both terms vanish, far to the right the
    first is 1. φ falls faster than any power of x grows, so nothing overflows: φ is 0 long before x φ could be large.
    """
    return dy * (normal_share(x) + x * normal_density(x))


def gelu_tanh(x: Array) -> Array:
    """Compute y = x · ½ (1 + tanh(u))  with u = √(2/π) (x + 0.044715 x³).

    ½ (1 + tanh(u)) is the same as sigmoid(2u), and that one neither cancels nor overflows far on the left.
    """
    return x * sigmoid(2 * ROOT * (x + CUBE * x**3))


def gelu_tanh_backward(dy: Array, x: Array) -> Array:
    """Gradient of x.

    With v = 2u = 2 √(2/π) (x + 0.044715 x³) and s = sigmoid(v), y = x · s:

    - s' = s (1 - s) = sigmoid(v) · sigmoid(-v)        (1 - s would cancel where s is nearly 1)
    - v' = 2 √(2/π) (1 + 3 · 0.044715 x²)
    - dy/dx = s + x · s' · v'
    """
    v = 2 * ROOT * (x + CUBE * x**3)
    s = sigmoid(v)
    return dy * (s + x * s * sigmoid(-v) * 2 * ROOT * (1 + 3 * CUBE * x**2))


def silu(x: Array) -> Array:
    """Compute y = x · sigmoid(x)."""
    return x * sigmoid(x)


def silu_backward(dy: Array, x: Array) -> Array:
    """Gradient of x.

    With s = sigmoid(x) and s' = s · sigmoid(-x):  dy/dx = s + x s' = s · (1 + x · sigmoid(-x)).
    """
    return dy * sigmoid(x) * (1 + x * sigmoid(-x))


def relu_squared(x: Array) -> Array:
    """Compute y = max(x, 0)². NumPy compares complex numbers by their real parts first."""
    return np.maximum(x, 0) ** 2


def relu_squared_backward(dy: Array, x: Array) -> Array:
    """Gradient of x.

    Above zero the slope of x² is 2x; below it is 0, and at 0 both are 0:  dy/dx = 2 max(x, 0).
    """
    return dy * 2 * np.maximum(x, 0)
