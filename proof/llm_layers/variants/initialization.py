"""Start values: correct implementations written otherwise."""

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
    left = 1 - math.sqrt(2 / math.pi) * limit * math.exp(-limit * limit / 2) / inside
    return (z * (deviation / math.sqrt(left))).astype(uniforms.dtype)


variant = VARIANTS.of("layers.scaled_initialization")
variant("deviation first")(lambda normals, deviation, layers: normals * (deviation * (2 * layers) ** -0.5))
variant("through the variance, NumPy", arrays="numpy")(
    lambda normals, deviation, layers: normals * math.sqrt(deviation * deviation / layers / 2)
)
