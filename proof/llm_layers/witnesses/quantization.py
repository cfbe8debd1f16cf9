"""Codes through torch's own quantized tensors and bit operations."""

from typing import Any

import torch
from torch.nn import functional as F


def quantize_int8(weight: Any) -> Any:
    scales = torch.linalg.vector_norm(weight, ord=float("inf"), dim=1) / 127
    return _steps(weight, scales[:, None]), scales


def dequantize_int8(codes: Any, scales: Any) -> Any:
    return torch.einsum("oi,o->oi", codes.to(scales.dtype), scales)


def int8_linear(x: Any, codes: Any, scales: Any) -> Any:
    return F.linear(x, torch.diag(scales.to(x.dtype)) @ codes.to(x.dtype))


def quantize_int4(weight: Any, group: int) -> Any:
    pieces = weight.split(group, dim=1)
    scales = torch.stack([torch.linalg.vector_norm(piece, ord=float("inf"), dim=1) / 7 for piece in pieces], dim=1)
    steps = torch.cat([_steps(piece, scales[:, place, None]) for place, piece in enumerate(pieces)], dim=1)
    low, high = steps.to(torch.int32).add(8).reshape(len(weight), weight.shape[1] // 2, 2).unbind(2)
    return torch.bitwise_or(low, torch.bitwise_left_shift(high, 4)).to(torch.uint8), scales


def dequantize_int4(codes: Any, scales: Any) -> Any:
    halves = torch.stack([torch.bitwise_and(codes, 15), torch.bitwise_right_shift(codes, 4)], dim=2)
    steps = halves.reshape(len(codes), 2 * codes.shape[1]).to(torch.int8) - 8
    return steps.to(scales.dtype) * scales.repeat_interleave(steps.shape[1] // scales.shape[1], dim=1)


def int4_linear(x: Any, codes: Any, scales: Any) -> Any:
    return F.linear(x, dequantize_int4(codes, scales).to(x.dtype))


def _steps(weight: Any, scales: Any) -> Any:
    return torch.nan_to_num(weight / scales, nan=0.0).round().to(torch.int8)
