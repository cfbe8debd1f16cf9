"""Positions that are added to the token vectors: learned rows, or fixed waves."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from llm_layers.interface import LayersError
from llm_layers.layers.precision import at_least_float32


def learned_positions(
    x: Float[Tensor, "*batch d_model"], table: Float[Tensor, "position d_model"], positions: Int[Tensor, "..."]
) -> Float[Tensor, "*batch d_model"]:
    """Add to each vector the row of its position.

    Formula: y[i] = x[i] + table[positions[i]]

    Why it works:
        Attention sums over positions and a sum knows no order, so the same word must look a little different in
        different places. Nothing says how: each place owns a row, and training finds what is useful to know of it.
        Token and place share one vector of `d_model` elements, which is wide enough for both to be read apart. The
        price is a wall: a place that training never reached has a row that means nothing, and after the last row
        there is none.

    Args:
        x: token vectors.
        table: one row per position, from 0.
        positions: whole numbers in any order, of a shape that broadcasts against x without its last axis.

    Raises:
        LayersError: when a position has no row.

    Spec: layers.learned_positions
    Source: Gehring et al. 2017, "Convolutional Sequence to Sequence Learning", arXiv:1705.03122; Radford et al. 2019
        (GPT-2).
    """
    try:
        return x + nn.functional.embedding(positions, table).to(x.dtype)
    except IndexError:
        raise LayersError(
            f"positions must lie between 0 and {len(table) - 1}, the last row of the table, but went from "
            f"{int(positions.min())} to {int(positions.max())}: shorten the text or use a longer table"
        ) from None


class LearnedPositions(nn.Module):
    """Holds the table of `learned_positions`."""

    def __init__(self, context_length: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(context_length, d_model))

    def forward(
        self, x: Float[Tensor, "*batch d_model"], positions: Int[Tensor, "..."]
    ) -> Float[Tensor, "*batch d_model"]:
        """Add the rows of `positions`."""
        return learned_positions(x, self.table, positions)


def sinusoidal_positions(
    positions: Int[Tensor, "*batch"], d_model: int, base: float = 10000.0, *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*batch d_model"]:
    """Compute a row of sine and cosine waves for each position, from fast to slow.

    Formula: y[2k] = sin(p · base^(-2k/d)),  y[2k+1] = cos(p · base^(-2k/d))

    Why it works:
        Written in binary, a number's last digit changes at every step and its first hardly ever; the waves are the
        same idea, smooth. Sine and cosine of one frequency are one hand of a clock, and to move by n positions is to
        rotate that hand by n times its frequency, wherever it is: a linear layer can learn "n places back". And the
        dot product of two rows depends only on their distance. Rows exist for every position, and no weight is spent.
        Still the model must dig the distance out of a sum with the token's meaning; `rotary` puts it where it is
        needed.

    Args:
        positions: whole numbers, of any shape.
        d_model: width of a row; even.
        base: sets the slowest wave, of about 2π · base positions.
        dtype: of the result; angles are computed in float32 at least.

    Returns:
        The rows, to be added to the token vectors.

    Raises:
        LayersError: for an odd d_model.

    Spec: layers.sinusoidal_positions
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    """
    if d_model % 2:
        raise LayersError(f"d_model must be even, because waves come as sine and cosine, but was {d_model}")
    working = at_least_float32(dtype)
    wave = torch.arange(0, d_model, 2, device=positions.device).to(working)
    angles = positions[..., None].to(working) * (1.0 / base ** (wave / d_model))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).to(dtype)


class SinusoidalPositions(nn.Module):
    """Adds `sinusoidal_positions` to token vectors; holds no weights.

    Args:
        d_model: width of the token vectors; even.
        base: sets the slowest wave.
    """

    def __init__(self, d_model: int, base: float = 10000.0) -> None:
        super().__init__()
        self.d_model, self.base = d_model, base

    def forward(
        self, x: Float[Tensor, "*batch d_model"], positions: Int[Tensor, "..."]
    ) -> Float[Tensor, "*batch d_model"]:
        """Add the waves of `positions`."""
        return x + sinusoidal_positions(positions, self.d_model, self.base, dtype=x.dtype)
