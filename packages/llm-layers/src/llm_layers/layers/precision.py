"""Dtypes: what is computed in a wider one than it is stored in, and what happens where two of them meet.

One rule for all layers: the result has the dtype of the vectors that come in (the stream), whatever the weights have.
Two dtypes that meet in one product are both converted to the wider one, and the result back.
"""

from functools import reduce
from typing import Any

import torch
from torch import Tensor


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """Return float32, or dtype itself where that is wider: what sums, losses and angles are computed in."""
    return torch.promote_types(dtype, torch.float32)


def wide(x: Tensor) -> Tensor:
    """Return float16 as float32, and every other dtype as it is.

    float16 ends at 65504, and a step in the middle of a formula may be larger than its result: a sum before it is
    scaled, a score before the softmax. bfloat16 has the range of float32.
    """
    return x.float() if x.dtype == torch.float16 else x


def like(y: Tensor, x: Tensor) -> Tensor:
    """Return y in the dtype of x; under autocast as it is, because autocast chooses dtypes then."""
    return y if y.dtype == x.dtype or under_autocast(x) else y.to(x.dtype)


def in_one_dtype(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors that meet in one product in the widest of their dtypes."""
    widest = reduce(torch.promote_types, [x.dtype for x in tensors])
    return tuple(x if x.dtype == widest else x.to(widest) for x in tensors)


def under_autocast(x: Tensor) -> bool:
    """Return whether autocast chooses dtypes where x is; torch cannot say it for the meta device."""
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)


def product_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype in which x would be multiplied, autocast or not."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


INSTRUCTIONS = {
    torch.bfloat16: ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"),
    torch.float16: ("avx512_fp16", "amx_fp16", "fp16_arith"),
}
"""What a processor needs, one of each, to multiply in 16 bits: names of `torch.cpu.get_capabilities`."""
SLOW = {dtype for dtype, names in INSTRUCTIONS.items() if not any(map(torch.cpu.get_capabilities().get, names))}
"""The dtypes in which this processor multiplies more slowly than in float32."""


def is_slow(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a product in this dtype is slower than in float32: 16 bits on a CPU without instructions for them."""
    return device.type == "cpu" and dtype in SLOW


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return left · right, computed in float32 where their dtype is slow."""
    if is_slow(left.device, left.dtype):
        return (left.float() @ right.float()).to(left.dtype)
    return left @ right


def apply(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """Run an autograd function; under autocast with its tensors rounded first, as autocast does it for a product."""
    first: Tensor = inputs[0]
    kind = first.device.type
    if not torch.is_autocast_enabled(kind):
        return function.apply(*inputs)  # type: ignore[no-untyped-call]
    dtype = torch.get_autocast_dtype(kind)
    given = [x.to(dtype) if isinstance(x, Tensor) and x.dtype == torch.float32 else x for x in inputs]
    with torch.autocast(kind, enabled=False):
        return function.apply(*given)  # type: ignore[no-untyped-call]
