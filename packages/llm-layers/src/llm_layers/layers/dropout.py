"""Dropout: in training, elements are zeroed at random."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from llm_layers.interface import LayersError


def dropout(x: Float[Tensor, "*batch"], kept: Bool[Tensor, "*batch"], rate: float) -> Float[Tensor, "*batch"]:
    """Set what is not kept to zero, and enlarge the rest so that the mean stays.

    Formula: y = kept · x / (1 - rate)

    Why it works:
        A part that may lose any of its inputs at any step cannot lean on one of them alone, nor on two that only
        work as a pair: it learns from many clues instead of memorizing with few. Every step in effect trains another
        thinned model, and the whole model is about the mean of them all. An element is kept with probability
        1 - rate, so dividing by that keeps its expected value: nothing has to change when dropout is switched off
        at inference, which is why the division is here and not there.

        It pays when the same text is read many times. A large model that reads each text once does better without.

    Args:
        x: any values.
        kept: True where an element is kept; drawn anew in every step (see `Dropout`).
        rate: the probability that an element is zeroed, from 0 up to but not including 1.

    Raises:
        LayersError: for a rate outside its range.

    Spec: layers.dropout
    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".
    """
    _check(rate)
    # Not `kept * x`: zero times infinity is no zero.
    return torch.where(kept, x / (1.0 - rate), 0.0)


def dropout_mask(
    keys: Int[Tensor, " batch"], site: int, positions: int, width: int, rate: float
) -> Bool[Tensor, "batch position d_model"]:
    """Draw which elements are kept: a function of the row's key, of the place in the model, and of nothing else.

    Formula: kept[r, p, j] = ⌊mix(φ · (p · width + j) + k[r]) / 2⁸⌋ ≥ round(rate · 2²⁴),  all modulo 2³²
        with k[r] = mix((keys[r] mod 2³²) xor mix(⌊keys[r] / 2³²⌋ + site)), φ = 0x9E3779B1, and
        mix(x): x ← x xor ⌊x / 2¹⁶⌋;  x ← x · 0x7FEB352D;  x ← x xor ⌊x / 2¹⁵⌋;  x ← x · 0x846CA68B;  x xor ⌊x / 2¹⁶⌋

    Why it works:
        A generator hands out its numbers in the order in which it is asked, so they depend on what else runs: on how
        many threads a batch is split into, and on which of them is first. A hash of the place needs no order. The same
        row of the same batch gets the same mask on one thread, on many, on a GPU, and in a resumed run. `mix` is a
        one-to-one map of 32 bits in which each bit of the input changes each bit of the result about half of the time.

    Args:
        keys: one per row, 64 bits that differ from row to row and from pass to pass.
        site: number of the place in the model, so that no two places share a mask.
        positions: how many positions a row has.
        width: how many elements a position has.
        rate: the probability that an element is zeroed, from 0 up to but not including 1.

    Raises:
        LayersError: for a rate outside its range.

    Spec: layers.dropout_mask
    Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (draws by counter); Wellons 2018,
        "Prospecting for Hash Functions" (the constants).
    """
    _check(rate)
    low, high = keys.long() & 0xFFFFFFFF, (keys.long() >> 32) & 0xFFFFFFFF
    numbers = _mixed(_signed(low) ^ _mixed(_signed((high + site) & 0xFFFFFFFF)))
    places = torch.arange(positions * width, dtype=torch.int32, device=keys.device) * _PHI
    draws = ((_mixed(places + some[:, None]) >> 8).bitwise_and_(0xFFFFFF) for some in _together(numbers, len(places)))
    return torch.cat([some >= round(rate * 2**24) for some in draws]).view(len(keys), positions, width)


TOGETHER = 2**17
"""How many numbers are mixed at a time on a CPU: few enough to stay in its cache through all steps."""
_PHI, _FIRST, _SECOND = (value - 2**32 if value >= 2**31 else value for value in (0x9E3779B1, 0x7FEB352D, 0x846CA68B))
"""As int32, whose products keep the same low 32 bits as unsigned ones."""


def _signed(x: Tensor) -> Tensor:
    """Return 32 bits in an int64 as an int32 with the same bits."""
    return torch.where(x >= 2**31, x - 2**32, x).to(torch.int32)


def _together(rows: Tensor, size: int) -> tuple[Tensor, ...]:
    """Cut the rows, each of so many numbers, into those that are mixed together; a compiler joins the steps instead."""
    if torch.compiler.is_compiling() or rows.device.type != "cpu":
        return (rows,)
    return torch.split(rows, max(1, TOGETHER // max(1, size)))


def _mixed(x: Tensor) -> Tensor:
    """Return mix(x), in the memory of x."""
    # `>>` keeps the sign of an int32, so the bits that it lets in are masked away.
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x *= _FIRST
    x ^= (x >> 15).bitwise_and_(0x1FFFF)
    x *= _SECOND
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    return x


class Dropout(nn.Module):
    """Draws the mask of `dropout` in training; does nothing at inference, nor at rate 0.

    Args:
        rate: the probability that an element is zeroed.
        generator: source of the draws where no keys are given, on the device of the input; None takes torch's global
            one.
        site: number of this place in the model, for draws by keys.

    Raises:
        LayersError: for a rate outside 0 ≤ rate < 1.
    """

    def __init__(self, rate: float, *, generator: torch.Generator | None = None, site: int = 0) -> None:
        super().__init__()
        _check(rate)
        self.rate, self.site = rate, site
        self.generator = generator

    def forward(self, x: Float[Tensor, "*batch"], keys: Int[Tensor, " batch"] | None = None) -> Float[Tensor, "*batch"]:
        """Zero elements while `self.training`.

        Args:
            x: any values; with keys (row, position, width).
            keys: one per row, for `dropout_mask`.
        """
        if not self.training or self.rate == 0.0:
            return x
        if keys is not None:
            return dropout(x, dropout_mask(keys, self.site, x.shape[1], x.shape[2], self.rate), self.rate)
        # float32 draws whatever x is: in bfloat16 torch draws only 256 different numbers.
        draws = torch.rand(x.shape, generator=self.generator, device=x.device)
        return dropout(x, draws >= self.rate, self.rate)


def _check(rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise LayersError(
            f"rate must be at least 0 and less than 1, the probability that an element is zeroed, but was {rate!r}"
        )
