"""How far two tensors lie apart, and where."""

from dataclasses import dataclass
from math import isfinite

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What sets two tensors of one shape apart.

    Args:
        largest: the largest |a - b|.
        relative: `largest` as a share of the largest number in either; infinite where only one of the two is finite.
        where: the place of the largest, one index an axis.
        a: the number of the first tensor there.
        b: the number of the second.
        share: how many of the numbers differ by more than the tolerance, as a share of all.
    """

    largest: float
    relative: float
    where: tuple[int, ...]
    a: float
    b: float
    share: float


def difference(a: Float[Tensor, "..."], b: Float[Tensor, "..."], tolerance: float, floor: float = 0.0) -> Difference:
    """Compare two tensors of one shape.

    A number is measured against the largest of its tensor and not against itself: where terms cancel, a result near
    zero carries the rounding of the terms, and would look wrong by any factor.

    Args:
        a: the first.
        b: the second.
        tolerance: from which relative difference on a number counts as another one.
        floor: what the largest number counts as at least; for tensors that would be zero but for rounding.
    """
    if a.numel() == 0:
        return Difference(largest=0.0, relative=0.0, where=(), a=0.0, b=0.0, share=0.0)
    if torch.equal(a, b):  # by far the usual case, and large models have large tables
        first = a[(0,) * a.dim()].item()
        return Difference(largest=0.0, relative=0.0, where=(0,) * a.dim(), a=first, b=first, share=0.0)
    a, b = a.detach().double(), b.detach().double()
    apart = (a - b).abs()
    sizes = a.abs().max().item(), b.abs().max().item()
    scale = max(*sizes, floor)
    if not all(map(isfinite, sizes)):
        same = (a == b) | (a.isnan() & b.isnan())
        apart = torch.where(same, 0.0, apart).nan_to_num(nan=torch.inf)
        scale = max(_largest_finite(a), _largest_finite(b), floor)
    where = tuple(int(index) for index in torch.unravel_index(apart.argmax().cpu(), a.shape))
    largest = apart[where].item()
    return Difference(
        largest=largest,
        relative=largest / scale if scale > 0 else (torch.inf if largest else 0.0),
        where=where,
        a=a[where].item(),
        b=b[where].item(),
        share=(apart > tolerance * scale).double().mean().item(),
    )


def _largest_finite(x: Tensor) -> float:
    numbers = x[x.isfinite()]
    return numbers.abs().max().item() if len(numbers) else 0.0
