"""Mistakes with positions."""

import math
from typing import Any

import numpy as np
import torch

from llm_layers.reference import learned_positions_backward
from llm_layers.reference import rotary as reference_rotary
from llm_layers.reference import rotary_interleaved as reference_rotary_interleaved
from llm_tokenizer.conformance import slip

# Positions that are added


@slip("layers.learned_positions", "positions counted anew", "0, 1, 2, … instead of the given positions")
def rows_counted(x: Any, table: Any, positions: Any) -> Any:
    return x + table[torch.arange(x.shape[-2])] + 0 * table.sum()


@slip("layers.learned_positions", "positions from 1", "positions are counted from 1: every token gets the next row")
def rows_from_one(x: Any, table: Any, positions: Any) -> Any:
    return x + table[(positions + 1) % len(table)]


@slip("layers.learned_positions", "row before its own", "every token gets the row before its own (off by one)")
def row_before(x: Any, table: Any, positions: Any) -> Any:
    return x + table[positions - 1]


@slip("layers.learned_positions", "token vectors scaled", "the token vectors are multiplied by √d_model first")
def token_scaled(x: Any, table: Any, positions: Any) -> Any:
    return x * x.shape[-1] ** 0.5 + table[positions]


@slip("layers.learned_positions", "rows instead of the sum", "the rows take the place of the token vectors")
def rows_alone(x: Any, table: Any, positions: Any) -> Any:
    return 0 * x + table[positions]


@slip("layers.learned_positions", "multiplied", "the rows are multiplied with the token vectors, not added")
def multiplied(x: Any, table: Any, positions: Any) -> Any:
    return x * table[positions]


@slip("layers.learned_positions", "positions of the first text", "the first text's positions serve the whole batch")
def first_text(x: Any, table: Any, positions: Any) -> Any:
    while positions.dim() > 1:
        positions = positions[0]
    return x + table[positions]


@slip("layers.learned_positions", "table held constant", "the table gets no gradient (it was kept as a buffer)")
def buffer(x: Any, table: Any, positions: Any) -> Any:
    return x + table.detach()[positions]


@slip("layers.learned_positions", "last text only", "texts overwrite each other's gradient of a row", backward=True)
def rows_overwritten(dy: Any, x: Any, table: Any, positions: Any) -> Any:
    dtable = np.zeros(table.shape)
    dtable[np.broadcast_to(positions, x.shape[:-1])] = dy
    return dy.copy(), dtable


@slip("layers.learned_positions", "averaged over texts", "a row's gradient is the mean over its uses", backward=True)
def rows_averaged(dy: Any, x: Any, table: Any, positions: Any) -> Any:
    dx, dtable = learned_positions_backward(dy, x, table, positions)
    uses = np.bincount(np.broadcast_to(positions, x.shape[:-1]).reshape(-1), minlength=len(table))
    return dx, dtable / np.maximum(uses, 1)[:, None]


def _waves(positions: Any, speeds: Any) -> Any:
    angle = positions[..., None].double() * speeds
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


def _speeds(width: int, base: float) -> Any:
    return base ** (-torch.arange(0, width, 2).double() / width)


@slip("layers.sinusoidal_positions", "sines first", "all sines stand before all cosines instead of side by side")
def sines_first(positions: Any, d_model: int, base: float) -> Any:
    angle = positions[..., None].double() * _speeds(d_model, base)
    return torch.cat([angle.sin(), angle.cos()], -1)


@slip("layers.sinusoidal_positions", "cosines first", "even coordinates are cosines, odd ones sines")
def cosines_first(positions: Any, d_model: int, base: float) -> Any:
    return sines_first.function(positions, d_model, base).unflatten(-1, (2, -1)).flip(-2).transpose(-1, -2).flatten(-2)


@slip("layers.sinusoidal_positions", "a speed per coordinate", "the cosine has the next slower speed, not its sine's")
def speed_per_coordinate(positions: Any, d_model: int, base: float) -> Any:
    coordinate = torch.arange(d_model)
    angle = positions[..., None].double() * base ** (-coordinate.double() / d_model)
    return torch.where(coordinate % 2 == 0, angle.sin(), angle.cos())


@slip("layers.sinusoidal_positions", "k for 2k", "the exponent is -k/d where -2k/d belongs: half the range of speeds")
def waves_half_exponent(positions: Any, d_model: int, base: float) -> Any:
    return _waves(positions, _speeds(d_model, base).sqrt())


@slip("layers.sinusoidal_positions", "4k for 2k", "the index is doubled twice: the speeds fall twice as fast")
def waves_double_exponent(positions: Any, d_model: int, base: float) -> Any:
    return _waves(positions, _speeds(d_model, base) ** 2)


@slip("layers.sinusoidal_positions", "speeds up to the end", "the slowest speed is 1/base: divided by d/2 - 1, not d/2")
def waves_to_the_end(positions: Any, d_model: int, base: float) -> Any:
    last = max(d_model // 2 - 1, 1)
    return _waves(positions, base ** (-torch.arange(d_model // 2).double() / last))


@slip("layers.sinusoidal_positions", "degrees", "the angle is taken in degrees")
def waves_in_degrees(positions: Any, d_model: int, base: float) -> Any:
    return _waves(positions, _speeds(d_model, base) * math.pi / 180)


@slip("layers.sinusoidal_positions", "positions from 1", "positions are counted from 1")
def waves_from_one(positions: Any, d_model: int, base: float) -> Any:
    return _waves(positions + 1, _speeds(d_model, base))


@slip("layers.sinusoidal_positions", "positions counted anew", "0, 1, 2, … instead of the given positions")
def waves_counted(positions: Any, d_model: int, base: float) -> Any:
    count = positions.shape[-1] if positions.dim() else 1
    return _waves(torch.arange(count).expand(positions.shape), _speeds(d_model, base))


@slip("layers.sinusoidal_positions", "base fixed", "the base is 10000 whatever was given")
def waves_fixed_base(positions: Any, d_model: int, base: float) -> Any:
    return _waves(positions, _speeds(d_model, 10000.0))


# Positions that are turned


@slip("layers.inverse_frequencies", "k for 2k", "the exponent is -k/d_head where -2k/d_head belongs")
def speeds_half_exponent(d_head: int, base: float) -> Any:
    return _speeds(d_head, base).sqrt()


@slip("layers.inverse_frequencies", "wavelengths", "base^(+2k/d): these are the wavelengths (over 2π), not the speeds")
def wavelengths(d_head: int, base: float) -> Any:
    return 1 / _speeds(d_head, base)


@slip("layers.inverse_frequencies", "pairs from 1", "the pairs are counted from 1: the fastest speed is missing")
def speeds_from_one(d_head: int, base: float) -> Any:
    return _speeds(d_head, base) * base ** (-2 / d_head)


@slip("layers.inverse_frequencies", "speeds up to the end", "the slowest speed is 1/base: divided by d/2 - 1, not d/2")
def speeds_to_the_end(d_head: int, base: float) -> Any:
    return base ** (-torch.arange(d_head // 2).double() / max(d_head // 2 - 1, 1))


@slip("layers.inverse_frequencies", "one speed per number", "every speed comes twice, d_head in all")
def speeds_twice(d_head: int, base: float) -> Any:
    return torch.cat([_speeds(d_head, base)] * 2)


@slip("layers.inverse_frequencies", "degrees", "the speeds are in degrees per position")
def speeds_in_degrees(d_head: int, base: float) -> Any:
    return _speeds(d_head, base) * 180 / math.pi


@slip("layers.inverse_frequencies", "turns", "the speeds are in turns per position, divided by 2π")
def speeds_in_turns(d_head: int, base: float) -> Any:
    return _speeds(d_head, base) / (2 * math.pi)


@slip("layers.inverse_frequencies", "base fixed", "the base is 10000 whatever was given")
def speeds_fixed_base(d_head: int, base: float) -> Any:
    return _speeds(d_head, 10000.0)


def _turn(x: Any, angle: Any) -> Any:
    first, second = x.chunk(2, -1)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def _turn_neighbours(x: Any, angle: Any) -> Any:
    even, odd = x[..., ::2], x[..., 1::2]
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], -1).flatten(-2)


def _angle(x: Any, positions: Any, base: float, step: float = 2.0) -> Any:
    half = x.shape[-1] // 2
    speed = base ** (-step * torch.arange(half, dtype=torch.float64) / x.shape[-1])
    return positions.to(torch.float64)[..., None] * speed


@slip("layers.rotary", "neighbours paired", "coordinates 0 and 1 are paired (the paper's order), not 0 and d/2")
def interleaved(x: Any, positions: Any, base: float) -> Any:
    return _turn_neighbours(x, _angle(x, positions, base))


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


@slip("layers.rotary", "degrees", "the angle is taken in degrees: everything turns 57 times too little")
def degrees(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions, base) * math.pi / 180)


@slip("layers.rotary", "gradient turned forward", "the gradient is turned forward again, not back", backward=True)
def forward_again(dy: Any, x: Any, positions: Any, base: float) -> Any:
    return reference_rotary(dy, positions, base)


@slip("layers.rotary", "gradient not turned", "the gradient is handed through as if nothing had turned", backward=True)
def unturned(dy: Any, x: Any, positions: Any, base: float) -> Any:
    return dy.copy()


@slip("layers.rotary_interleaved", "halves paired", "coordinates 0 and d/2 are paired (the files' order), not 0 and 1")
def halves(x: Any, positions: Any, base: float) -> Any:
    return _turn(x, _angle(x, positions, base))


@slip("layers.rotary_interleaved", "left in halves", "the turned pairs are not put back side by side: evens, then odds")
def left_in_halves(x: Any, positions: Any, base: float) -> Any:
    return torch.cat([interleaved.function(x, positions, base)[..., place::2] for place in (0, 1)], -1)


@slip("layers.rotary_interleaved", "turned the other way", "the sign of the sine is wrong: pairs turn clockwise")
def neighbours_clockwise(x: Any, positions: Any, base: float) -> Any:
    return _turn_neighbours(x, -_angle(x, positions, base))


@slip("layers.rotary_interleaved", "one speed too many", "every number has its own speed: pairs are not turned")
def speed_per_number(x: Any, positions: Any, base: float) -> Any:
    angle = positions.double()[..., None] * base ** (-torch.arange(x.shape[-1]).double() / x.shape[-1])
    swapped = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * angle.cos().to(x.dtype) + swapped * angle.sin().to(x.dtype)


@slip("layers.rotary_interleaved", "angles in halves", "pairs are neighbours but their angles are laid out for halves")
def angles_in_halves(x: Any, positions: Any, base: float) -> Any:
    angle = torch.cat([_angle(x, positions, base)] * 2, -1)
    swapped = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * angle.cos().to(x.dtype) + swapped * angle.sin().to(x.dtype)


@slip("layers.rotary_interleaved", "base fixed", "the base is 10000 whatever was given")
def neighbours_fixed_base(x: Any, positions: Any, base: float) -> Any:
    return _turn_neighbours(x, _angle(x, positions, 10000.0))


@slip("layers.rotary_interleaved", "positions counted anew", "0, 1, 2, … instead of the given positions")
def neighbours_counted(x: Any, positions: Any, base: float) -> Any:
    return _turn_neighbours(x, _angle(x, torch.arange(x.shape[-2]), base))


@slip("layers.rotary_interleaved", "positions from 1", "positions are counted from 1: position 0 turns too")
def neighbours_shifted(x: Any, positions: Any, base: float) -> Any:
    return _turn_neighbours(x, _angle(x, positions + 1, base))


@slip("layers.rotary_interleaved", "gradient turned forward", "the gradient is turned forward again", backward=True)
def neighbours_forward_again(dy: Any, x: Any, positions: Any, base: float) -> Any:
    return reference_rotary_interleaved(dy, positions, base)


@slip(
    "layers.rotary_interleaved",
    "gradient in halves",
    "the gradient is turned back in halves",
    backward=True,
)
def gradient_in_halves(dy: Any, x: Any, positions: Any, base: float) -> Any:
    return reference_rotary(dy, -positions, base)
