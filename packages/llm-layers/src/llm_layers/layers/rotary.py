"""Rotary position embedding (RoPE): a token's position as angles."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from llm_layers.interface import LayersError
from llm_layers.layers.precision import at_least_float32
from llm_layers.layers.rotary_scaling import RotaryScaling

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine of the angles, each of shape [*positions, d_head / 2]."""


def inverse_frequencies(
    d_head: int, base: float, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Float[Tensor, " half"]:
    """Compute by how many radians each pair of elements is rotated per position.

    Formula: inv_freq[k] = base^(-2k/d)  for k = 0 … d/2 - 1

    Why it works:
        One hand of a clock cannot tell both seconds and hours, so there are many, and the frequencies fall by the same
        factor from each to the next. The fastest makes one radian per position and tells neighbors apart; the
        slowest makes a little more than 1/base and does not come round within a text. Between them every distance
        has hands that show it well.

    Args:
        d_head: width of a head; even.
        base: about the ratio of the highest to the lowest frequency.
        dtype: in which they are computed.
        device: where.

    Raises:
        LayersError: for an odd d_head.

    Spec: layers.inverse_frequencies
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    if d_head % 2:
        raise LayersError(f"d_head must be even, because rotary positions rotate pairs of elements, but was {d_head}")
    pair = torch.arange(0, d_head, 2, device=device).to(dtype)
    # A quotient, as in transformers: the last bit of a frequency, times a position, shows in the logits.
    return 1.0 / base ** (pair / d_head)


def rotary_angles(
    positions: Int[Tensor, "..."],
    d_head: int,
    base: float = 10000.0,
    dtype: torch.dtype = torch.float32,
    scaling: RotaryScaling | None = None,
) -> Rotation:
    """Compute cosine and sine of every position's angles, `d_head / 2` each.

    Angles are computed in float32 at least: in bfloat16 the positions 256 and 257 are the same number.

    Args:
        positions: whole numbers, of any shape.
        d_head: width of a head; even.
        base: sets the lowest frequency.
        dtype: of the result.
        scaling: lowers frequencies for texts longer than those of the training; None leaves them.
    """
    working = at_least_float32(dtype)
    frequencies = inverse_frequencies(d_head, base, dtype=working, device=positions.device)
    if scaling is None:
        angles = positions[..., None].to(working) * frequencies
        return angles.cos().to(dtype), angles.sin().to(dtype)
    angles = positions[..., None].to(working) * scaling.scale(frequencies, base)
    return (angles.cos() * scaling.attention_scaling).to(dtype), (angles.sin() * scaling.attention_scaling).to(dtype)


def rotary(x: Float[Tensor, "*batch d_head"], rotation: Rotation) -> Float[Tensor, "*batch d_head"]:
    """Rotate pairs of elements by angles that grow with the position.

    Formula: (y[k], y[k+h]) = R(p · base^(-2k/d)) (x[k], x[k+h])  with h = d/2 and R(a) the rotation by angle a

    Why it works:
        Attention compares a query with a key by a dot product, and a dot product of two rotated arrows depends only
        on the angle between them. Rotate each arrow by its own position, and what is left in the product is the
        difference of the two positions: the model sees distance, not place. Every pair rotates at a frequency of its
        own, from one radian per position down to about 1/base: fast pairs tell neighbors apart, slow ones tell far
        from near. Rotation changes no length, so nothing has to be learned and nothing grows.

        The partner of element k is element k + d/2 (the halved convention of the Hugging Face files), not k + 1 as in
        the paper: the same mathematics, another order of the elements, and the usual cause of a broken import.

    Args:
        x: queries or keys; `d_head` is even.
        rotation: cosine and sine of the angles, from `rotary_angles`; computed once for all layers of a model. Their
            leading axes broadcast against those of x.

    Spec: layers.rotary
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def rotary_interleaved(x: Float[Tensor, "*batch d_head"], rotation: Rotation) -> Float[Tensor, "*batch d_head"]:
    """Rotate neighboring elements as pairs, the order of the paper; all else is as in `rotary`.

    Formula: (y[2k], y[2k+1]) = R(p · base^(-2k/d)) (x[2k], x[2k+1])  with R(a) the rotation by angle a

    Why it works:
        As `rotary`: only the difference of two positions is left in a dot product. Which elements form a pair does not
        matter, as long as queries and keys agree and the weights were trained that way: to go from one order to the
        other is to reorder the rows of the query and key weights, once. Neighbors are what the paper, GPT-J and the
        original Llama files pair; halves need no reordering in memory and became the usual order.

    Spec: layers.rotary_interleaved
    Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    cosine, sine = rotation
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1).flatten(-2)
