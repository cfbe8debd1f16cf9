"""Rotary positions: where a token stands, written as an angle."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from llm_layers.interface import LayersError
from llm_layers.layers.rotary_scaling import RotaryScaling

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine of the angles, each of shape [*positions, d_head / 2]."""


def inverse_frequencies(
    d_head: int, base: float, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Float[Tensor, " half"]:
    """Give how far each pair turns per position, in radians.

    Formula: speed[k] = base^(-2k/d)  for k = 0 … d/2 - 1

    Why it works:
        One hand of a clock cannot tell both seconds and hours, so there are many, and the speeds fall by the same
        factor from each to the next. The fastest makes one radian per position and tells neighbours apart; the
        slowest makes a little more than 1/base and does not come round within a text. Between them every distance
        has hands that show it well.

    Args:
        d_head: how many numbers are turned; even.
        base: about the ratio of the fastest to the slowest speed.
        dtype: in which the speeds are worked out.
        device: where.

    Raises:
        LayersError: for an odd d_head.

    Spec: layers.inverse_frequencies
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    if d_head % 2:
        raise LayersError(f"d_head must be even, because rotary positions turn pairs of numbers, but was {d_head}")
    pair = torch.arange(0, d_head, 2, device=device).to(dtype)
    # Written as a quotient, as transformers writes it: the last bit of a speed, times a position, shows in the logits.
    return 1.0 / base ** (pair / d_head)


def rotary_angles(
    positions: Int[Tensor, "..."],
    d_head: int,
    base: float,
    dtype: torch.dtype,
    scaling: RotaryScaling | None = None,
) -> Rotation:
    """Give cosine and sine of every position's angles, `d_head / 2` each.

    Angles are worked out in float32 at least: in bfloat16 the positions 257 and 258 are the same number.

    Args:
        positions: whole numbers, of any shape.
        d_head: how many numbers are turned; even.
        base: sets the slowest speed.
        dtype: of what comes back.
        scaling: slows the hands for texts longer than those of the training; None leaves them.
    """
    working = torch.promote_types(dtype, torch.float32)
    speeds = inverse_frequencies(d_head, base, dtype=working, device=positions.device)
    if scaling is None:
        angles = positions[..., None].to(working) * speeds
        return angles.cos().to(dtype), angles.sin().to(dtype)
    angles = positions[..., None].to(working) * scaling.scale(speeds, base)
    return (angles.cos() * scaling.temperature).to(dtype), (angles.sin() * scaling.temperature).to(dtype)


def rotate(x: Float[Tensor, "*batch d_head"], rotation: Rotation) -> Float[Tensor, "*batch d_head"]:
    """Turn each pair (x[k], x[k + d_head/2]) by the angle whose cosine and sine are given."""
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def rotary(
    x: Float[Tensor, "*batch d_head"], positions: Int[Tensor, "..."], base: float = 10000.0
) -> Float[Tensor, "*batch d_head"]:
    """Turn pairs of numbers by angles that grow with the position.

    Formula: (y[k], y[k+h]) = R(p · base^(-2k/d)) (x[k], x[k+h])  with h = d/2 and R(a) the rotation by angle a

    Why it works:
        Attention compares a query with a key by a dot product, and a dot product of two turned arrows depends only on
        the angle between them. Turn each arrow by its own position, and what is left in the product is the
        difference of the two positions: the model sees distance, not place. Every pair turns at a speed of its own,
        from one radian per position down to about 1/base: fast pairs tell neighbours apart, slow ones tell far from
        near. Turning changes no length, so nothing has to be learned and nothing grows.

        The partner of number k is number k + d/2 (the halved convention of the Hugging Face files), not number k + 1
        as in the paper: the same mathematics, another order of the numbers, and the usual cause of a broken import.

    Args:
        x: queries or keys; `d_head` is even.
        positions: whole numbers in any order, of a shape that broadcasts against x without its last axis.
        base: sets the slowest speed.

    Spec: layers.rotary
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    return rotate(x, rotary_angles(positions, x.shape[-1], base, x.dtype))


def rotary_interleaved(
    x: Float[Tensor, "*batch d_head"], positions: Int[Tensor, "..."], base: float = 10000.0
) -> Float[Tensor, "*batch d_head"]:
    """Turn neighbouring numbers as pairs: the order of the paper.

    Formula: (y[2k], y[2k+1]) = R(p · base^(-2k/d)) (x[2k], x[2k+1])  with R(a) the rotation by angle a

    Why it works:
        As `rotary`: only the difference of two positions is left in a dot product. Which numbers form a pair does not
        matter, as long as queries and keys agree and the weights were trained that way: to go from one order to the
        other is to reorder the rows of the query and key weights, once. Neighbours are what the paper, GPT-J and the
        original Llama files pair; halves need no shuffling of numbers in memory and became the usual order.

    Args:
        x: queries or keys; `d_head` is even.
        positions: whole numbers in any order, of a shape that broadcasts against x without its last axis.
        base: sets the slowest speed.

    Spec: layers.rotary_interleaved
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    cosine, sine = rotary_angles(positions, x.shape[-1], base, x.dtype)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1).flatten(-2)
