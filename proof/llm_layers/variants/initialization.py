"""Initial values: correct implementations written otherwise."""

import math
from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.truncated_normal")


@variant("inverse distribution function")
def by_distribution(uniforms: Any, deviation: float, limit: float) -> Any:
    below = 0.5 * math.erfc(limit / math.sqrt(2))
    inside = 1 - 2 * below
    spread = math.sqrt(1 - limit * math.exp(-limit * limit / 2) * math.sqrt(2 / math.pi) / inside)
    z = torch.special.ndtri(below + uniforms.double() * inside).clamp(-limit, limit)
    return (z * deviation / spread).to(uniforms.dtype)


@variant("Newton's steps, NumPy", arrays="numpy")
def newton(uniforms: Any, deviation: float, limit: float) -> Any:
    erf, root = np.vectorize(math.erf, otypes=[np.float64]), math.sqrt(2)
    inside = math.erf(limit / root)
    wanted, z = (2 * uniforms.astype(np.float64) - 1) * inside, np.zeros(uniforms.shape)
    for _ in range(60):
        density = np.exp(-z * z / 2) * math.sqrt(2 / math.pi)
        z = np.clip(z - (erf(z / root) - wanted) / density, -limit, limit)
    z = np.where(uniforms > 0, np.where(uniforms < 1, z, limit), -limit)  # no step leads to an end that is far out
    left = 1 - math.sqrt(2 / math.pi) * limit * math.exp(-limit * limit / 2) / inside
    return (z * (deviation / math.sqrt(left))).astype(uniforms.dtype)


variant = VARIANTS.of("layers.scaled_initialization")
variant("deviation first")(lambda normals, deviation, layers: normals * (deviation * (2 * layers) ** -0.5))
variant("through the variance, NumPy", arrays="numpy")(
    lambda normals, deviation, layers: normals * math.sqrt(deviation * deviation / layers / 2)
)


@VARIANTS.of("layers.truncated_normal")("the interval halved")
def halved(uniforms: Any, deviation: float, limit: float) -> Any:
    u = uniforms.double()
    below = math.erfc(limit / math.sqrt(2)) / 2
    wanted = below + torch.minimum(u, 1 - u) * (1 - 2 * below)  # the lower half; the upper one by symmetry
    low, high = torch.full_like(u, -limit), torch.zeros_like(u)
    for _ in range(60):
        middle = (low + high) / 2
        beyond = torch.special.erfc(-middle * 0.5**0.5) / 2 >= wanted
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    density = math.exp(-limit * limit / 2) / math.sqrt(2 * math.pi)
    spread = math.sqrt(1 - 2 * limit * density / (1 - 2 * below))
    return ((low + high) / 2 * torch.where(u > 0.5, -1, 1) * deviation / spread).to(uniforms.dtype)


@VARIANTS.of("layers.truncated_normal")("torch's inverse error function in float64")
def by_erfinv(uniforms: Any, deviation: float, limit: float) -> Any:
    inside = math.erf(limit * 0.5**0.5)
    stretch = (1 - 2 * limit * math.exp(-(limit**2) / 2) / (math.tau**0.5 * inside)) ** -0.5
    y = torch.erfinv(inside * (uniforms.double() - 0.5) * 2) * (2**0.5 * stretch * deviation)
    return y.clamp(-limit * stretch * deviation, limit * stretch * deviation).to(uniforms.dtype)


VARIANTS.of("layers.scaled_initialization")("root after root")(
    lambda normals, deviation, layers: normals * deviation / layers**0.5 / 2**0.5
)
VARIANTS.of("layers.scaled_initialization")("float32 inside")(
    lambda normals, deviation, layers: (
        normals.to(torch.promote_types(normals.dtype, torch.float32)).div(math.sqrt(2 * layers)).mul(deviation)
    ).to(normals.dtype)
)
