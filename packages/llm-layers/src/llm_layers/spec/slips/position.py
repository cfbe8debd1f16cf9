"""Mistakes with positions."""

import math
from typing import Any

import numpy as np
import torch

from llm_layers.reference import rotary as reference_rotary
from llm_layers.reference import rotary_interleaved as reference_rotary_interleaved
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.learned_positions")


def _first(positions: Any) -> Any:
    """Return the positions of the first text of a batch."""
    return positions.flatten(0, -2)[0] if positions.dim() > 1 else positions


# Positions that are added
slip("positions counted anew", "0, 1, 2, … instead of the given positions")(
    lambda x, table, positions: x + table[torch.arange(x.shape[-2])] + 0 * table.sum()
)
slip("positions from 1", "positions are counted from 1: every token gets the next row")(
    lambda x, table, positions: x + table[(positions + 1) % len(table)]
)
slip("token vectors scaled", "the token vectors are multiplied by √d_model first")(
    lambda x, table, positions: x * x.shape[-1] ** 0.5 + table[positions]
)
slip("rows instead of the sum", "the rows take the place of the token vectors")(
    lambda x, table, positions: 0 * x + table[positions]
)
slip("positions of the first text", "the first text's positions serve the whole batch")(
    lambda x, table, positions: x + table[_first(positions)]
)
slip("table held constant", "the table gets no gradient (it was kept as a buffer)")(
    lambda x, table, positions: x + table.detach()[positions]
)


@slip("last text only", "texts overwrite each other's gradient of a row", backward=True)
def rows_overwritten(dy: Any, x: Any, table: Any, positions: Any) -> Any:
    dtable = np.zeros(table.shape)
    dtable[np.broadcast_to(positions, x.shape[:-1])] = dy
    return dy.copy(), dtable


slip = SLIPS.of("layers.sinusoidal_positions")


def _frequencies(width: int, base: float) -> Any:
    return base ** (-torch.arange(0, width, 2).double() / width)


def _frequencies_to_the_end(width: int, base: float) -> Any:
    return base ** (-torch.arange(width // 2).double() / max(width // 2 - 1, 1))


def _angle(positions: Any, frequencies: Any) -> Any:
    return positions[..., None].double() * frequencies


def _waves(positions: Any, frequencies: Any) -> Any:
    angle = _angle(positions, frequencies)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


def _in_halves(x: Any) -> Any:
    """Bring what is at even places before what is at odd ones."""
    return torch.cat([x[..., ::2], x[..., 1::2]], -1)


slip("sines first", "all sines are before all cosines instead of side by side")(
    lambda positions, d_model, base: _in_halves(_waves(positions, _frequencies(d_model, base)))
)
slip("cosines first", "even coordinates are cosines, odd ones sines")(
    lambda positions, d_model, base: (
        _waves(positions, _frequencies(d_model, base)).unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    )
)


@slip("a frequency per coordinate", "the cosine has the next slower frequency, not its sine's")
def speed_per_coordinate(positions: Any, d_model: int, base: float) -> Any:
    coordinate = torch.arange(d_model)
    angle = _angle(positions, base ** (-coordinate.double() / d_model))
    return torch.where(coordinate % 2 == 0, angle.sin(), angle.cos())


slip("k for 2k", "the exponent is -k/d where -2k/d belongs: half the range of frequencies")(
    lambda positions, d_model, base: _waves(positions, _frequencies(d_model, base).sqrt())
)
slip("frequencies up to the end", "the slowest frequency is 1/base: divided by d/2 - 1, not d/2")(
    lambda positions, d_model, base: _waves(positions, _frequencies_to_the_end(d_model, base))
)
slip("positions from 1", "positions are counted from 1")(
    lambda positions, d_model, base: _waves(positions + 1, _frequencies(d_model, base))
)
slip("positions counted anew", "0, 1, 2, … instead of the given positions")(
    lambda positions, d_model, base: _waves(torch.ones_like(positions).cumsum(-1) - 1, _frequencies(d_model, base))
)
slip("base fixed", "the base is 10000 whatever was given")(
    lambda positions, d_model, base: _waves(positions, _frequencies(d_model, 10000.0))
)


slip = SLIPS.of("layers.inverse_frequencies")
# Positions that rotate queries and keys
slip("k for 2k", "the exponent is -k/d_head where -2k/d_head belongs")(
    lambda d_head, base: _frequencies(d_head, base).sqrt()
)
slip("wavelengths", "base^(+2k/d): these are the wavelengths (over 2π), not the frequencies")(
    lambda d_head, base: 1 / _frequencies(d_head, base)
)
slip("pairs from 1", "the pairs are counted from 1: the fastest frequency is missing")(
    lambda d_head, base: _frequencies(d_head, base) * base ** (-2 / d_head)
)
slip("frequencies up to the end", "the slowest frequency is 1/base: divided by d/2 - 1, not d/2")(
    _frequencies_to_the_end
)
slip("one frequency per number", "every frequency comes twice, d_head in all")(
    lambda d_head, base: torch.cat([_frequencies(d_head, base)] * 2)
)
slip("rotations", "the frequencies are in rotations per position, divided by 2π")(
    lambda d_head, base: _frequencies(d_head, base) / (2 * math.pi)
)
slip("base fixed", "the base is 10000 whatever was given")(lambda d_head, base: _frequencies(d_head, 10000.0))


slip = SLIPS.of("layers.rotary")


def _rotate(x: Any, angle: Any) -> Any:
    first, second = x.chunk(2, -1)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def _rotate_neighbors(x: Any, angle: Any) -> Any:
    even, odd = x[..., ::2], x[..., 1::2]
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], -1).flatten(-2)


def _swapped(x: Any, partner: Any, angle: Any) -> Any:
    """Return the rotation of which each value is given its partner in the pair and an angle of its own."""
    return x * angle.cos().to(x.dtype) + partner * angle.sin().to(x.dtype)


def _angles(x: Any, positions: Any, base: float) -> Any:
    return _angle(positions, _frequencies(x.shape[-1], base))


slip("neighbors paired", "coordinates 0 and 1 are paired (the paper's order), not 0 and d/2")(
    lambda x, positions, base: _rotate_neighbors(x, _angles(x, positions, base))
)
slip("rotated the other way", "the sign of the sine is wrong: pairs rotate clockwise")(
    lambda x, positions, base: _rotate(x, -_angles(x, positions, base))
)
slip("halves swapped without a sign", "the swapped half lacks its minus sign: no rotation at all")(
    lambda x, positions, base: _swapped(
        x, x.roll(x.shape[-1] // 2, -1), torch.cat([_angles(x, positions, base)] * 2, -1)
    )
)
slip("frequencies twice as dense", "the exponent is -k/d_head where -2k/d_head belongs")(
    lambda x, positions, base: _rotate(x, _angle(positions, _frequencies(x.shape[-1], base).sqrt()))
)
slip("base fixed", "the base is 10000 whatever was given")(
    lambda x, positions, base: _rotate(x, _angles(x, positions, 10000.0))
)
slip("positions counted anew", "0, 1, 2, … instead of the given positions")(
    lambda x, positions, base: _rotate(x, _angles(x, torch.arange(x.shape[-2]), base))
)
slip("positions from 1", "positions are counted from 1: position 0 is rotated too")(
    lambda x, positions, base: _rotate(x, _angles(x, positions + 1, base))
)
slip("positions along the batch", "the first row's positions serve every row of the batch")(
    lambda x, positions, base: _rotate(x, _angles(x, _first(positions), base))
)
slip("gradient rotated forward", "the gradient is rotated forward again, not back", backward=True)(
    lambda dy, x, positions, base: reference_rotary(dy, positions, base)
)


slip = SLIPS.of("layers.rotary_interleaved")
slip("halves paired", "coordinates 0 and d/2 are paired (the files' order), not 0 and 1")(
    lambda x, positions, base: _rotate(x, _angles(x, positions, base))
)
slip("left in halves", "the rotated pairs are not put back side by side: evens, then odds")(
    lambda x, positions, base: _in_halves(_rotate_neighbors(x, _angles(x, positions, base)))
)
slip("rotated the other way", "the sign of the sine is wrong: pairs rotate clockwise")(
    lambda x, positions, base: _rotate_neighbors(x, -_angles(x, positions, base))
)


def _neighbor(x: Any) -> Any:
    return torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)


slip("one frequency too many", "every value has its own frequency: pairs are not rotated")(
    lambda x, positions, base: _swapped(
        x, _neighbor(x), _angle(positions, base ** (-torch.arange(x.shape[-1]).double() / x.shape[-1]))
    )
)
slip("angles in halves", "pairs are neighbors but their angles are laid out for halves")(
    lambda x, positions, base: _swapped(x, _neighbor(x), torch.cat([_angles(x, positions, base)] * 2, -1))
)
slip("gradient rotated forward", "the gradient is rotated forward again", backward=True)(
    lambda dy, x, positions, base: reference_rotary_interleaved(dy, positions, base)
)
slip("gradient in halves", "the gradient is rotated back in halves", backward=True)(
    lambda dy, x, positions, base: reference_rotary(dy, -positions, base)
)
