"""Mistakes with positions."""

import math
from typing import Any

import numpy as np
import torch

from llm_layers.reference import learned_positions_backward
from llm_layers.reference import rotary as reference_rotary
from llm_layers.reference import rotary_interleaved as reference_rotary_interleaved
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.learned_positions")
# Positions that are added
slip("positions counted anew", "0, 1, 2, … instead of the given positions")(
    lambda x, table, positions: x + table[torch.arange(x.shape[-2])] + 0 * table.sum()
)
slip("positions from 1", "positions are counted from 1: every token gets the next row")(
    lambda x, table, positions: x + table[(positions + 1) % len(table)]
)
slip("row before its own", "every token gets the row before its own (off by one)")(
    lambda x, table, positions: x + table[positions - 1]
)
slip("token vectors scaled", "the token vectors are multiplied by √d_model first")(
    lambda x, table, positions: x * x.shape[-1] ** 0.5 + table[positions]
)
slip("rows instead of the sum", "the rows take the place of the token vectors")(
    lambda x, table, positions: 0 * x + table[positions]
)
slip("multiplied", "the rows are multiplied with the token vectors, not added")(
    lambda x, table, positions: x * table[positions]
)


@slip("positions of the first text", "the first text's positions serve the whole batch")
def first_text(x: Any, table: Any, positions: Any) -> Any:
    while positions.dim() > 1:
        positions = positions[0]
    return x + table[positions]


slip("table held constant", "the table gets no gradient (it was kept as a buffer)")(
    lambda x, table, positions: x + table.detach()[positions]
)


@slip("last text only", "texts overwrite each other's gradient of a row", backward=True)
def rows_overwritten(dy: Any, x: Any, table: Any, positions: Any) -> Any:
    dtable = np.zeros(table.shape)
    dtable[np.broadcast_to(positions, x.shape[:-1])] = dy
    return dy.copy(), dtable


@slip("averaged over texts", "a row's gradient is the mean over its uses", backward=True)
def rows_averaged(dy: Any, x: Any, table: Any, positions: Any) -> Any:
    dx, dtable = learned_positions_backward(dy, x, table, positions)
    uses = np.bincount(np.broadcast_to(positions, x.shape[:-1]).reshape(-1), minlength=len(table))
    return dx, dtable / np.maximum(uses, 1)[:, None]


def _waves(positions: Any, speeds: Any) -> Any:
    angle = positions[..., None].double() * speeds
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


def _speeds(width: int, base: float) -> Any:
    return base ** (-torch.arange(0, width, 2).double() / width)


slip = SLIPS.of("layers.sinusoidal_positions")


@slip("sines first", "all sines are before all cosines instead of side by side")
def sines_first(positions: Any, d_model: int, base: float) -> Any:
    angle = positions[..., None].double() * _speeds(d_model, base)
    return torch.cat([angle.sin(), angle.cos()], -1)


slip("cosines first", "even coordinates are cosines, odd ones sines")(
    lambda positions, d_model, base: (
        sines_first(positions, d_model, base).unflatten(-1, (2, -1)).flip(-2).transpose(-1, -2).flatten(-2)
    )
)


@slip("a speed per coordinate", "the cosine has the next slower frequency, not its sine's")
def speed_per_coordinate(positions: Any, d_model: int, base: float) -> Any:
    coordinate = torch.arange(d_model)
    angle = positions[..., None].double() * base ** (-coordinate.double() / d_model)
    return torch.where(coordinate % 2 == 0, angle.sin(), angle.cos())


slip("k for 2k", "the exponent is -k/d where -2k/d belongs: half the range of frequencies")(
    lambda positions, d_model, base: _waves(positions, _speeds(d_model, base).sqrt())
)
slip("4k for 2k", "the index is doubled twice: the frequencies fall twice as fast")(
    lambda positions, d_model, base: _waves(positions, _speeds(d_model, base) ** 2)
)


@slip("speeds up to the end", "the slowest frequency is 1/base: divided by d/2 - 1, not d/2")
def waves_to_the_end(positions: Any, d_model: int, base: float) -> Any:
    last = max(d_model // 2 - 1, 1)
    return _waves(positions, base ** (-torch.arange(d_model // 2).double() / last))


slip("degrees", "the angle is taken in degrees")(
    lambda positions, d_model, base: _waves(positions, _speeds(d_model, base) * math.pi / 180)
)
slip("positions from 1", "positions are counted from 1")(
    lambda positions, d_model, base: _waves(positions + 1, _speeds(d_model, base))
)


@slip("positions counted anew", "0, 1, 2, … instead of the given positions")
def waves_counted(positions: Any, d_model: int, base: float) -> Any:
    count = positions.shape[-1] if positions.dim() else 1
    return _waves(torch.arange(count).expand(positions.shape), _speeds(d_model, base))


slip("base fixed", "the base is 10000 whatever was given")(
    lambda positions, d_model, base: _waves(positions, _speeds(d_model, 10000.0))
)


slip = SLIPS.of("layers.inverse_frequencies")
# Positions that are turned
slip("k for 2k", "the exponent is -k/d_head where -2k/d_head belongs")(
    lambda d_head, base: _speeds(d_head, base).sqrt()
)
slip("wavelengths", "base^(+2k/d): these are the wavelengths (over 2π), not the frequencies")(
    lambda d_head, base: 1 / _speeds(d_head, base)
)
slip("pairs from 1", "the pairs are counted from 1: the fastest frequency is missing")(
    lambda d_head, base: _speeds(d_head, base) * base ** (-2 / d_head)
)
slip("speeds up to the end", "the slowest frequency is 1/base: divided by d/2 - 1, not d/2")(
    lambda d_head, base: base ** (-torch.arange(d_head // 2).double() / max(d_head // 2 - 1, 1))
)
slip("one speed per number", "every frequency comes twice, d_head in all")(
    lambda d_head, base: torch.cat([_speeds(d_head, base)] * 2)
)
slip("degrees", "the frequencies are in degrees per position")(
    lambda d_head, base: _speeds(d_head, base) * 180 / math.pi
)
slip("turns", "the frequencies are in turns per position, divided by 2π")(
    lambda d_head, base: _speeds(d_head, base) / (2 * math.pi)
)
slip("base fixed", "the base is 10000 whatever was given")(lambda d_head, base: _speeds(d_head, 10000.0))


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


slip = SLIPS.of("layers.rotary")


@slip("neighbours paired", "coordinates 0 and 1 are paired (the paper's order), not 0 and d/2")
def interleaved(x: Any, positions: Any, base: float) -> Any:
    return _turn_neighbours(x, _angle(x, positions, base))


slip("turned the other way", "the sign of the sine is wrong: pairs turn clockwise")(
    lambda x, positions, base: _turn(x, -_angle(x, positions, base))
)


@slip("halves swapped without a sign", "the swapped half lacks its minus sign: no rotation at all")
def no_sign(x: Any, positions: Any, base: float) -> Any:
    angle = torch.cat([_angle(x, positions, base)] * 2, -1)
    return x * angle.cos().to(x.dtype) + x.roll(x.shape[-1] // 2, -1) * angle.sin().to(x.dtype)


slip("speeds twice as dense", "the exponent is -k/d_head where -2k/d_head belongs")(
    lambda x, positions, base: _turn(x, _angle(x, positions, base, step=1.0))
)
slip("speeds off by one", "the pairs are counted from 1: the fastest frequency is missing")(
    lambda x, positions, base: _turn(x, _angle(x, positions, base) * base ** (-2 / x.shape[-1]))
)
slip("base fixed", "the base is 10000 whatever was given")(
    lambda x, positions, base: _turn(x, _angle(x, positions, 10000.0))
)
slip("positions counted anew", "0, 1, 2, … instead of the given positions")(
    lambda x, positions, base: _turn(x, _angle(x, torch.arange(x.shape[-2]), base))
)
slip("positions from 1", "positions are counted from 1: position 0 turns too")(
    lambda x, positions, base: _turn(x, _angle(x, positions + 1, base))
)


@slip("positions along the batch", "the first row's positions serve every row of the batch")
def first_row(x: Any, positions: Any, base: float) -> Any:
    while positions.dim() > 1:
        positions = positions[0]
    return _turn(x, _angle(x, positions, base))


slip("speeds inverted", "wavelengths are used as frequencies: base^(+2k/d)")(
    lambda x, positions, base: _turn(x, _angle(x, positions, base, step=-2.0))
)
slip("degrees", "the angle is taken in degrees: everything turns 57 times too little")(
    lambda x, positions, base: _turn(x, _angle(x, positions, base) * math.pi / 180)
)
slip("gradient turned forward", "the gradient is rotated forward again, not back", backward=True)(
    lambda dy, x, positions, base: reference_rotary(dy, positions, base)
)
slip("gradient not turned", "the gradient is handed through as if nothing had turned", backward=True)(
    lambda dy, x, positions, base: dy.copy()
)


slip = SLIPS.of("layers.rotary_interleaved")
slip("halves paired", "coordinates 0 and d/2 are paired (the files' order), not 0 and 1")(
    lambda x, positions, base: _turn(x, _angle(x, positions, base))
)
slip("left in halves", "the turned pairs are not put back side by side: evens, then odds")(
    lambda x, positions, base: torch.cat([interleaved(x, positions, base)[..., place::2] for place in (0, 1)], -1)
)
slip("turned the other way", "the sign of the sine is wrong: pairs turn clockwise")(
    lambda x, positions, base: _turn_neighbours(x, -_angle(x, positions, base))
)


@slip("one speed too many", "every value has its own frequency: pairs are not rotated")
def speed_per_number(x: Any, positions: Any, base: float) -> Any:
    angle = positions.double()[..., None] * base ** (-torch.arange(x.shape[-1]).double() / x.shape[-1])
    swapped = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * angle.cos().to(x.dtype) + swapped * angle.sin().to(x.dtype)


@slip("angles in halves", "pairs are neighbours but their angles are laid out for halves")
def angles_in_halves(x: Any, positions: Any, base: float) -> Any:
    angle = torch.cat([_angle(x, positions, base)] * 2, -1)
    swapped = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * angle.cos().to(x.dtype) + swapped * angle.sin().to(x.dtype)


slip("gradient turned forward", "the gradient is rotated forward again", backward=True)(
    lambda dy, x, positions, base: reference_rotary_interleaved(dy, positions, base)
)
slip("gradient in halves", "the gradient is rotated back in halves", backward=True)(
    lambda dy, x, positions, base: reference_rotary(dy, -positions, base)
)
