"""Quantization: weights as 8-bit or 4-bit integers with scales, and products with them."""

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor
from torch.nn import functional as F

from llm_layers.interface import LayersError
from llm_layers.layers.linear import linear
from llm_layers.layers.precision import at_least_float32, wide

LARGEST_INT8 = 127
LARGEST_INT4 = 7
OFFSET_INT4 = 8
"""Added to a 4-bit code, so that its nibble is not negative."""


def quantize_int8(weight: Float[Tensor, "d_out d_in"]) -> tuple[Int8[Tensor, "d_out d_in"], Float[Tensor, " d_out"]]:
    """Quantize each row of a weight to integers from -127 to 127 and one scale.

    Formula: scale[o] = maxᵢ |weight[o, i]| / 127,  codes[o, i] = round(weight[o, i] / scale[o])

    Why it works:
        A model reads all its weights for every token it writes, so a weight of one byte in place of four makes it
        four times smaller, and reading it takes a quarter of the time. Rounding moves a number by at most half a step,
        and the step is 1/127 of the row's largest number. In a dot product the many small errors, up as often as down,
        mostly cancel. Each row has a scale of its own because rows differ in size: one large row would make the steps
        of all others too coarse. Positive and negative side are alike, so 0 stays exactly 0 and no offset has to be
        carried through the product; the code -128, which has no positive partner, is left unused.

    Args:
        weight: one row per output.

    Returns:
        The integers, and the scales (in float32 at least). A row of zeros has the scale 0.

    Raises:
        LayersError: when a weight is not finite.

    Spec: layers.quantize_int8
    Source: Jacob et al. 2017, arXiv:1712.05877; Dettmers et al. 2022, "LLM.int8()", arXiv:2208.07339.
    """
    largest = _largest(weight)
    scales = largest / LARGEST_INT8
    return _round(weight.to(scales.dtype), scales[:, None], LARGEST_INT8), scales


def dequantize_int8(codes: Int8[Tensor, "d_out d_in"], scales: Float[Tensor, " d_out"]) -> Float[Tensor, "d_out d_in"]:
    """Compute the weight that 8-bit integers and scales represent.

    Formula: weight[o, i] = codes[o, i] · scales[o]

    Why it works:
        An integer counts steps and the scale is the length of a step in this row. Nothing is stored of how it was
        rounded: the difference from the original weight, at most half a step, is lost for good. Only the scale has a
        gradient, the sum over the row of the upstream gradient times the integers.

    Args:
        codes: integers from -127 to 127.
        scales: one per row.

    Spec: layers.dequantize_int8
    Source: Jacob et al. 2017, arXiv:1712.05877.
    """
    return codes.to(scales.dtype) * scales[:, None]


def int8_linear(
    x: Float[Tensor, "*batch d_in"], codes: Int8[Tensor, "d_out d_in"], scales: Float[Tensor, " d_out"]
) -> Float[Tensor, "*batch d_out"]:
    """Multiply vectors by a weight that is stored as 8-bit integers.

    Formula: y[o] = scales[o] · Σᵢ x[i] codes[o, i]

    Why it works:
        All weights of a row have one scale, so it can be taken out of the sum: multiply by the bare integers, and
        scale each output once instead of each weight. Integers up to 127 are exact in bfloat16 too, so nothing more is
        rounded. Only the weights are small; x keeps its precision, for a few of its coordinates are so large that
        rounding them would cost far more than rounding weights does.

    Args:
        x: vectors along the last axis.
        codes: integers from -127 to 127; they have no gradient.
        scales: one per row.

    Spec: layers.int8_linear
    Source: Dettmers et al. 2022, "LLM.int8()", arXiv:2208.07339.
    """
    return (F.linear(wide(x), codes.to(wide(x).dtype)) * scales).to(x.dtype)


def quantize_int4(
    weight: Float[Tensor, "d_out d_in"], group: int = 32
) -> tuple[UInt8[Tensor, "d_out pairs"], Float[Tensor, "d_out groups"]]:
    """Quantize each group of neighboring weights to integers from -7 to 7 and one scale; two of them fill a byte.

    Formula: scale[o, g] = max over the group of |weight| / 7,  code = round(weight / scale),
        byte[o, j] = (code[o, 2j] + 8) + 16 · (code[o, 2j + 1] + 8)

    Why it works:
        Fifteen levels are few: with one scale per row, a single large weight would leave the others three or four
        levels. In a group of 32 the largest weight is only about twice the usual one, so all levels are used. The
        price is a scale per group: at 32 bits for 32 weights, one bit more for each, 5 in all. A group is a piece of
        a row, because the row is what is summed. A byte is the least that memory gives, so two integers share one; 8 is
        added because half a byte counts from 0 to 15.

    Args:
        weight: one row per output; d_in is even and a multiple of `group`.
        group: how many neighbors share a scale.

    Returns:
        The bytes, the even column in the low half; and the scales (in float32 at least). Zeros have the scale 0.

    Raises:
        LayersError: when the groups do not fill the rows, or a weight is not finite.

    Spec: layers.quantize_int4
    Source: Dettmers and Zettlemoyer 2022, "The case for 4-bit precision", arXiv:2212.09720 (groups).
    """
    width = weight.shape[-1]
    if group < 1 or width % group or width % 2:
        raise LayersError(
            f"group must divide the width of the weight, which must be even, but group was {group} and the width "
            f"{width}: choose a group that divides {width}, or int8"
        )
    grouped = weight.reshape(len(weight), width // group, group)
    largest = _largest(grouped)
    scales = largest / LARGEST_INT4
    codes = _round(grouped.to(scales.dtype), scales[..., None], LARGEST_INT4).flatten(-2)
    nibbles = (codes + OFFSET_INT4).to(torch.uint8)
    return nibbles[:, 0::2] | (nibbles[:, 1::2] << 4), scales


def dequantize_int4(
    codes: UInt8[Tensor, "d_out pairs"], scales: Float[Tensor, "d_out groups"]
) -> Float[Tensor, "d_out d_in"]:
    """Compute the weight that 4-bit integers and scales represent.

    Formula: weight[o, i] = (nibble[o, i] - 8) · scales[o, i // group]  with group = d_in / groups

    Why it works:
        The low half of byte j holds column 2j, the high half column 2j + 1; 8 less, each is a count of steps again.
        How long a step is, its group says. The size of a group need not be stored: rows of d_in weights with so many
        scales have groups of d_in / groups.

    Args:
        codes: two integers in a byte, the even column in the low half.
        scales: one per group.

    Spec: layers.dequantize_int4
    Source: Dettmers and Zettlemoyer 2022, arXiv:2212.09720.
    """
    nibbles = torch.stack((codes & 15, codes >> 4), dim=-1).flatten(-2)
    steps = nibbles.to(scales.dtype) - OFFSET_INT4
    grouped = steps.reshape(*scales.shape, steps.shape[-1] // scales.shape[-1])
    return (grouped * scales[..., None]).flatten(-2)


def int4_linear(
    x: Float[Tensor, "*batch d_in"], codes: UInt8[Tensor, "d_out pairs"], scales: Float[Tensor, "d_out groups"]
) -> Float[Tensor, "*batch d_out"]:
    """Multiply vectors by a weight that is stored as 4-bit integers.

    Formula: y = x · dequantize_int4(codes, scales)ᵀ

    Why it works:
        A row has many scales, so none can be taken out of the whole sum as in `int8_linear`: the weight is unpacked
        and then multiplied. What is gained is memory, and on a machine whose kernels unpack on the way (see
        `bfloat16_int4_linear`) time as well.

    Args:
        x: vectors along the last axis.
        codes: two integers in a byte; they have no gradient.
        scales: one per group.

    Spec: layers.int4_linear
    Source: Frantar et al. 2022, "GPTQ", arXiv:2210.17323 (weight-only products).
    """
    return linear(x, dequantize_int4(codes, scales).to(x.dtype))


def _largest(weight: Float[Tensor, "*batch _"]) -> Float[Tensor, "*batch"]:
    """Return the largest absolute value along the last axis, in float32 at least."""
    largest = weight.abs().amax(dim=-1).to(at_least_float32(weight.dtype))
    if not largest.isfinite().all():
        raise LayersError("weight must be finite, but holds infinity or NaN: did training diverge?")
    return largest


def _round(weight: Float[Tensor, "..."], scales: Float[Tensor, "..."], largest: int) -> Int8[Tensor, "..."]:
    steps = torch.round(weight / torch.where(scales > 0, scales, 1.0))  # a row of zeros: 0/1, not 0/0
    # Only where a scale is so tiny that it lost its own digits can a code lie beyond the largest; it must not wrap.
    return steps.clamp(-largest, largest).to(torch.int8)
