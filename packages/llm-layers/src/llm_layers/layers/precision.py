"""Dtypes: what is computed in a wider one than it is stored in, and what happens where two of them meet.

One rule for all layers: the result has the dtype of the vectors that come in (the stream), whatever the weights have.
Two dtypes that meet in one product are both converted to the wider one, and the result back.
"""

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


def under_autocast(x: Tensor) -> bool:
    """Return whether autocast chooses dtypes where x is; torch cannot say it for the meta device."""
    return not x.is_meta and torch.is_autocast_enabled(x.device.type)
