"""Position through torch's own kernels."""

from typing import Any

import torch


def rotary(x: Any, positions: Any, base: float) -> Any:
    # A pair is one complex number; turning it is multiplying with a number of length one.
    half = x.shape[-1] // 2
    wide = torch.promote_types(x.dtype, torch.float32)
    angle = positions.to(wide)[..., None] / base ** (torch.arange(half, dtype=wide) / half)
    turned = torch.complex(x[..., :half].to(wide), x[..., half:].to(wide)) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([turned.real, turned.imag], dim=-1).to(x.dtype)
