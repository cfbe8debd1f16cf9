"""Codes: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.quantize_int8")


@variant("row by row, NumPy", arrays="numpy")
def row_by_row(weight: Any) -> Any:
    codes, scales = np.zeros(weight.shape, np.int8), np.zeros(len(weight), weight.dtype)
    for row, numbers in enumerate(weight):
        if not np.isfinite(numbers).all():
            raise ValueError("not finite")
        largest = max(numbers.max(), -numbers.min())
        scales[row] = largest / 127
        codes[row] = np.round(numbers / (scales[row] or 1))
    return codes, scales


@variant("with the scale's inverse")
def by_inverse(weight: Any) -> Any:
    if not torch.isfinite(weight).all():
        raise ValueError("not finite")
    largest = torch.maximum(weight.amax(1), -weight.amin(1)).to(torch.promote_types(weight.dtype, torch.float32))
    inverse = torch.where(largest > 0, 127 / largest, 0)
    return (weight * inverse[:, None]).round().to(torch.int8), largest / 127


@variant("times 127 over the largest, in the weight's own precision")
def by_127(weight: Any) -> Any:
    if not torch.isfinite(weight).all():
        raise ValueError("not finite")
    largest = weight.abs().amax(1)
    factor = (127 / largest).where(largest > 0, 0)
    return (weight * factor[:, None]).round().clamp(-127, 127).to(torch.int8), largest / 127


variant = VARIANTS.of("layers.dequantize_int8")
variant("NumPy", arrays="numpy")(lambda codes, scales: codes.astype(scales.dtype) * scales[:, None])
variant("a diagonal matrix")(lambda codes, scales: torch.diag(scales) @ codes.to(scales.dtype))
variant("transposed")(lambda codes, scales: (codes.mT * scales).mT)


variant = VARIANTS.of("layers.int8_linear")
variant("scaled weight")(lambda x, codes, scales: x @ (codes * scales[:, None]).mT.to(x.dtype))
variant("einsum")(lambda x, codes, scales: torch.einsum("...i,oi,o->...o", x, codes.to(x.dtype), scales.to(x.dtype)))


variant("NumPy", arrays="numpy")(lambda x, codes, scales: np.inner(x, codes.astype(x.dtype)) * scales)


@variant("scaled weight in float32")
def wide_weight(x: Any, codes: Any, scales: Any) -> Any:
    wide = torch.promote_types(x.dtype, torch.float32)
    return (x.to(wide) @ (codes.to(wide) * scales.to(wide)[:, None]).mT).to(x.dtype)


variant = VARIANTS.of("layers.quantize_int4")


@variant("group by group, NumPy", arrays="numpy")
def group_by_group(weight: Any, group: int) -> Any:
    rows, width = weight.shape
    if group < 1 or width % group or width % 2 or not np.isfinite(weight).all():
        raise ValueError("does not fit")
    codes, scales = np.zeros((rows, width), np.int64), np.zeros((rows, width // group), weight.dtype)
    for start in range(0, width, group):
        piece = weight[:, start : start + group]
        scale = np.abs(piece).max(axis=1) / 7
        scales[:, start // group] = scale
        codes[:, start : start + group] = np.round(piece / np.where(scale > 0, scale, 1)[:, None])
    return ((codes[:, 0::2] + 8) + 16 * (codes[:, 1::2] + 8)).astype(np.uint8), scales


@variant("reshaped, with the scale's inverse")
def reshaped(weight: Any, group: int) -> Any:
    rows, width = weight.shape
    if group < 1 or width % group or width % 2 or not torch.isfinite(weight).all():
        raise ValueError("does not fit")
    pieces = weight.reshape(rows * (width // group), group)
    largest = torch.maximum(pieces.amax(1), -pieces.amin(1)).to(torch.promote_types(weight.dtype, torch.float32))
    steps = (pieces * torch.where(largest > 0, 7 / largest, 0)[:, None]).round().to(torch.int32).reshape(rows, width)
    packed = steps[:, 0::2] + 16 * steps[:, 1::2] + 136
    return packed.to(torch.uint8), largest.reshape(rows, width // group) / 7


variant = VARIANTS.of("layers.dequantize_int4")


@variant("a table of all bytes")
def by_table(codes: Any, scales: Any) -> Any:
    table = torch.tensor([[byte % 16 - 8, byte // 16 - 8] for byte in range(256)], dtype=scales.dtype)
    grouped = table[codes.long()].reshape(*scales.shape, 2 * codes.shape[1] // scales.shape[1])
    return torch.einsum("ogi,og->ogi", grouped, scales).reshape(len(codes), 2 * codes.shape[1])


@variant("the two halves apart")
def halves_apart(codes: Any, scales: Any) -> Any:
    steps = torch.zeros(len(codes), 2 * codes.shape[1], dtype=scales.dtype)
    steps[:, 0::2] = (codes % 16).to(scales.dtype) - 8
    steps[:, 1::2] = torch.div(codes, 16, rounding_mode="floor").to(scales.dtype) - 8
    return steps * scales.repeat_interleave(steps.shape[1] // scales.shape[1], dim=1)


variant = VARIANTS.of("layers.int4_linear")


@variant("group by group")
def sums_of_groups(x: Any, codes: Any, scales: Any) -> Any:
    steps = torch.stack([codes & 15, codes >> 4], -1).to(x.dtype).flatten(1) - 8
    group = steps.shape[1] // scales.shape[1]
    y = torch.zeros(*x.shape[:-1], len(codes), dtype=x.dtype)
    for place in range(scales.shape[1]):
        piece = slice(place * group, (place + 1) * group)
        y = y + x[..., piece] @ steps[:, piece].mT * scales[:, place].to(x.dtype)
    return y


@variant("even and odd columns apart")
def even_and_odd(x: Any, codes: Any, scales: Any) -> Any:
    width = 2 * codes.shape[1]
    spread = scales.repeat_interleave(width // scales.shape[1], dim=1)
    low = ((codes & 15).to(scales.dtype) - 8) * spread[:, 0::2]
    high = ((codes >> 4).to(scales.dtype) - 8) * spread[:, 1::2]
    return x[..., 0::2] @ low.mT.to(x.dtype) + x[..., 1::2] @ high.mT.to(x.dtype)


@VARIANTS.of("layers.dequantize_int4")("NumPy, byte by byte", arrays="numpy")
def bytes_apart(codes: Any, scales: Any) -> Any:
    nibbles = np.stack([codes & 15, codes >> 4], axis=-1).reshape(len(codes), 2 * codes.shape[1])
    steps = nibbles.astype(scales.dtype) - 8
    return steps * np.repeat(scales, steps.shape[1] // scales.shape[1], axis=1)


VARIANTS.of("layers.int4_linear")("NumPy", arrays="numpy")(
    lambda x, codes, scales: np.inner(x, bytes_apart(codes, scales).astype(x.dtype))
)


def _wide(x: Any) -> Any:
    return x.to(torch.promote_types(x.dtype, torch.float32))


@VARIANTS.of("layers.quantize_int8")("times 127, divided by the largest, float32 inside")
def divided_by_the_largest(weight: Any) -> Any:
    if weight.isnan().any() or weight.isinf().any():
        raise ValueError("not finite")
    largest = _wide(weight).abs().max(dim=1, keepdim=True).values
    return (_wide(weight) * 127 / largest.where(largest > 0, 1)).round().char(), largest[:, 0] / 127


VARIANTS.of("layers.dequantize_int8")("float32 inside")(
    lambda codes, scales: (_wide(scales).unsqueeze(1) * codes).to(scales.dtype)
)


def _fits(weight: Any, group: int) -> None:
    if group < 1 or weight.shape[1] % group or weight.shape[1] % 2 or not weight.isfinite().all():
        raise ValueError("does not fit")


@VARIANTS.of("layers.quantize_int4")("the two columns of a byte apart")
def columns_apart(weight: Any, group: int) -> Any:
    _fits(weight, group)
    pieces = _wide(weight).unflatten(1, (weight.shape[1] // group, group))
    scales = pieces.abs().amax(2) / 7
    spread = scales.repeat_interleave(group, dim=1)
    steps = [_wide(weight[:, side::2]).div(spread[:, side::2]).nan_to_num(0.0).round() for side in (0, 1)]
    low, high = (step.add(8).to(torch.uint8) for step in steps)
    return low.bitwise_or(high * 16), scales


@VARIANTS.of("layers.quantize_int4")("group by group, times 7 over the largest")
def groups_joined(weight: Any, group: int) -> Any:
    _fits(weight, group)
    codes, scales = [], []
    for piece in _wide(weight).split(group, dim=1):
        largest = torch.maximum(piece.amax(1), -piece.amin(1))
        codes.append((piece * 7 / largest.where(largest > 0, 1)[:, None]).round().int() + 8)
        scales.append(largest / 7)
    pairs = torch.cat(codes, 1).reshape(len(weight), weight.shape[1] // 2, 2)
    return (pairs * torch.tensor([1, 16])).sum(2).to(torch.uint8), torch.stack(scales, 1)


@VARIANTS.of("layers.dequantize_int4")("nibbles with a sign, by shifting")
def signed_nibbles(codes: Any, scales: Any) -> Any:
    """The highest bit of a nibble turned over, 8 added becomes the two's complement, which shifts carry out."""
    signed = (codes ^ 0x88).view(torch.int8)
    steps = torch.stack([(signed << 4) >> 4, signed >> 4], dim=-1).reshape(*scales.shape, -1 if len(codes) else 1)
    return (steps * scales[..., None]).reshape(len(codes), 2 * codes.shape[1])


@VARIANTS.of("layers.int4_linear")("weight and sums in float32")
def wide_int4(x: Any, codes: Any, scales: Any) -> Any:
    return (_wide(x) @ _wide(signed_nibbles(codes, _wide(scales))).mT).to(x.dtype)
