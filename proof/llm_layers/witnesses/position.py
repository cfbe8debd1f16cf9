"""Position through torch's own kernels."""

from typing import Any

import torch
from torch.nn import functional as F


def learned_positions(x: Any, table: Any, positions: Any) -> Any:
    return torch.add(x, F.embedding(positions, table))


def sinusoidal_positions(positions: Any, d_model: int, base: float) -> Any:
    # A hand of a clock is a complex number of length one; cosine and sine are its two sides.
    angle = positions[..., None].double() / base ** (torch.arange(d_model // 2).double() / (d_model // 2))
    return torch.view_as_real(torch.polar(torch.ones_like(angle), angle)).flip(-1).flatten(-2)


def inverse_frequencies(d_head: int, base: float) -> Any:
    return torch.logspace(0, -(d_head - 2) / d_head, d_head // 2, base=base, dtype=torch.float64)


def rotary(x: Any, positions: Any, base: float) -> Any:
    # A pair is one complex number; rotating it is multiplying with a number of length one.
    half = x.shape[-1] // 2
    wide = torch.promote_types(x.dtype, torch.float32)
    angle = positions.to(wide)[..., None] / base ** (torch.arange(half, dtype=wide) / half)
    rotated = torch.complex(x[..., :half].to(wide), x[..., half:].to(wide)) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([rotated.real, rotated.imag], dim=-1).to(x.dtype)


def rotary_interleaved(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    wide = torch.promote_types(x.dtype, torch.float32)
    angle = positions.to(wide)[..., None] / base ** (torch.arange(half, dtype=wide) / half)
    pairs = torch.view_as_complex(x.to(wide).unflatten(-1, (half, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angle), angle)).flatten(-2).to(x.dtype)
