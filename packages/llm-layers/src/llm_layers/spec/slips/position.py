"""Mistakes with rotary positions."""

from typing import Any

import torch

from llm_layers.reference import rotary as reference_rotary
from llm_tokenizer.spec import slip


def _turn(x: Any, angle: Any) -> Any:
    first, second = x.chunk(2, -1)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def _angle(x: Any, positions: Any, base: float, step: float = 2.0) -> Any:
    half = x.shape[-1] // 2
    speed = base ** (-step * torch.arange(half, dtype=torch.float64) / x.shape[-1])
    return positions.to(torch.float64)[..., None] * speed


@slip("layers.rotary", "neighbours paired", "coordinates 0 and 1 are paired (the paper's order), not 0 and d/2")
def interleaved(x: Any, positions: Any, base: float) -> Any:
    angle = _angle(x, positions, base)
    even, odd = x[..., ::2], x[..., 1::2]
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], -1).flatten(-2)


@slip("layers.rotary", "turned the other way", "the sign of the sine is wrong: pairs turn clockwise")
def clockwise(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, -_angle(x, positions, base))


@slip("layers.rotary", "halves swapped without a sign", "the swapped half lacks its minus sign: no rotation at all")
def no_sign(x: Any, positions: Any, base: float) -> Any:
    angle = torch.cat([_angle(x, positions, base)] * 2, -1)
    return x * angle.cos().to(x.dtype) + x.roll(x.shape[-1] // 2, -1) * angle.sin().to(x.dtype)


@slip("layers.rotary", "speeds twice as dense", "the exponent is -k/d_head where -2k/d_head belongs")
def half_exponent(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions, base, step=1.0))


@slip("layers.rotary", "speeds off by one", "the pairs are counted from 1: the fastest speed is missing")
def from_one(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions, base) * base ** (-2 / x.shape[-1]))


@slip("layers.rotary", "base fixed", "the base is 10000 whatever was given")
def fixed_base(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions, 10000.0))


@slip("layers.rotary", "positions counted anew", "0, 1, 2, … instead of the given positions")
def counted(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, torch.arange(x.shape[-2]), base))


@slip("layers.rotary", "positions from 1", "positions are counted from 1: position 0 turns too")
def shifted(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions + 1, base))


@slip("layers.rotary", "positions along the batch", "the first row's positions serve every row of the batch")
def first_row(x: Any, positions: Any, base: float) -> Any:
    while positions.dim() > 1:
        positions = positions[0]
    return _turn(x, _angle(x, positions, base))


@slip("layers.rotary", "speeds inverted", "wavelengths are used as speeds: base^(+2k/d)")
def inverted(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions, base, step=-2.0))


@slip("layers.rotary", "gradient turned forward", "the gradient is turned forward again, not back", backward=True)
def forward_again(dy: Any, x: Any, positions: Any, base: float) -> Any:
    return reference_rotary(dy, positions, base)


@slip("layers.rotary", "gradient not turned", "the gradient is handed through as if nothing had turned", backward=True)
def unturned(dy: Any, x: Any, positions: Any, base: float) -> Any:
    return dy.copy()
