"""Initial values in NumPy."""

import math

import numpy as np

from llm_layers.reference.arrays import Array


def truncated_normal(uniforms: Array, deviation: float, limit: float) -> Array:
    """Turn values even over (0, 1) into normal ones cut at ±limit, of standard deviation `deviation`.

    Let Φ be the distribution function of the standard normal and φ its density. A number z of the cut normal has the
    distribution function (Φ(z) - Φ(-L)) / (Φ(L) - Φ(-L)); setting it equal to u and solving for z gives

        z = Φ⁻¹(Φ(-L) + u · (Φ(L) - Φ(-L)))

    Its variance, by parts from ∫ z² φ = -zφ + ∫ φ, is 1 - 2 L φ(L) / (Φ(L) - Φ(-L)), less than one: so z is divided
    by that variance's root and multiplied by `deviation`.
    """
    inside = math.erf(limit / math.sqrt(2.0))  # Φ(L) - Φ(-L)
    density = math.exp(-limit * limit / 2.0) / math.sqrt(2.0 * math.pi)
    variance = 1.0 - 2.0 * limit * density / inside
    centered = (2.0 * uniforms - 1.0) * inside
    z = np.array([_inverse_erf(-abs(wanted), limit) for wanted in centered.ravel().tolist()])  # from the lower end,
    z = np.copysign(z, centered.ravel())  # and the upper half by symmetry: 1 gives the limit, however far out
    return deviation / math.sqrt(variance) * z.reshape(uniforms.shape)


def _inverse_erf(wanted: float, limit: float) -> float:
    """Compute z from -limit to limit with erf(z / √2) = wanted, by halving the interval until no float lies between."""
    low, high = -limit, limit
    while True:
        middle = (low + high) / 2.0
        if middle in (low, high):
            return middle
        if math.erf(middle / math.sqrt(2.0)) < wanted:
            low = middle
        else:
            high = middle


def scaled_initialization(normals: Array, deviation: float, layers: int) -> Array:
    """Compute y = normals · deviation / √(2 · layers): two parts of each block write to the stream."""
    return normals * deviation / math.sqrt(2 * layers)
