"""Rotary positions: where a token stands, written as an angle."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine of the angles, each of shape [*positions, d_head / 2]."""


def rotary_angles(positions: Int[Tensor, "..."], d_head: int, base: float, dtype: torch.dtype) -> Rotation:
    """Give cosine and sine of every position's angles, `d_head / 2` each.

    Angles are worked out in float32 at least: in bfloat16 the positions 257 and 258 are the same number.
    """
    working = torch.promote_types(dtype, torch.float32)
    pair = torch.arange(0, d_head, 2, device=positions.device).to(working)
    # Written as a quotient, as transformers writes it: the last bit of a speed, times a position, shows in the logits.
    angles = positions[..., None].to(working) * (1.0 / base ** (pair / d_head))
    return angles.cos().to(dtype), angles.sin().to(dtype)


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
