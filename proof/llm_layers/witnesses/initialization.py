"""Initial values through torch's own special functions."""

from typing import Any

import torch


def truncated_normal(uniforms: Any, deviation: float, limit: float) -> Any:
    limits = torch.tensor([-limit, limit], dtype=torch.float64)
    low, high = torch.special.ndtr(limits).tolist()
    density = torch.exp(-0.5 * limits[1].square()).item() / (2 * torch.pi) ** 0.5
    spread = (1 - 2 * limit * density / (high - low)) ** 0.5
    lower = torch.special.ndtri(low + uniforms * (high - low))
    upper = -torch.special.ndtri(low + (1 - uniforms) * (high - low))  # by symmetry: exact near the upper end
    return torch.where(uniforms < 0.5, lower, upper) * (deviation / spread)


def scaled_initialization(normals: Any, deviation: float, layers: int) -> Any:
    return torch.mul(normals, deviation) * torch.rsqrt(torch.tensor(2.0 * layers, dtype=torch.float64)).item()
