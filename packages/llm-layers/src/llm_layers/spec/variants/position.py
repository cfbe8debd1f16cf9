"""Position: correct implementations written otherwise."""

from typing import Any

import torch

from llm_tokenizer.spec import variant


@variant("layers.rotary", "sign and roll")
def sign_and_roll(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    speed = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (positions.to(torch.float64)[..., None] * speed).repeat_interleave(2, -1)
    angle = angle.unflatten(-1, (half, 2)).transpose(-1, -2).flatten(-2)
    sign = torch.ones(x.shape[-1], dtype=x.dtype)
    sign[:half] = -1
    return x * angle.cos().to(x.dtype) + sign * x.roll(half, -1) * angle.sin().to(x.dtype)


@variant("layers.rotary", "matrices")
def by_matrix(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    angle = positions.to(torch.float64)[..., None] * base ** (-torch.arange(half, dtype=torch.float64) / half)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    turn = torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2)
    pairs = torch.stack(x.chunk(2, -1), -1)
    return (turn @ pairs[..., None])[..., 0].transpose(-1, -2).flatten(-2)
