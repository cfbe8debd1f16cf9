"""How far two tensors are apart, and where."""

from dataclasses import dataclass
from math import inf, isfinite

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """How two tensors of one shape differ.

    Args:
        largest: the largest |a - b|.
        relative: `largest` divided by the largest value in either; infinite where only one of the two is finite.
        where: the index of the largest.
        a: the value of the first tensor there.
        b: the value of the second.
        fraction: the fraction of values that differ by more than the tolerance.
    """

    largest: float = 0.0
    relative: float = 0.0
    where: tuple[int, ...] = ()
    a: float = 0.0
    b: float = 0.0
    fraction: float = 0.0


def deviation(a: Float[Tensor, "..."], b: Float[Tensor, "..."], tolerance: float, floor: float = 0.0) -> Deviation:
    """Compare two tensors of one shape.

    A value is measured against the largest of its tensor and not against itself: where terms cancel, a result near
    zero carries the rounding of the terms, and would look wrong by any factor.

    Args:
        a: the first.
        b: the second.
        tolerance: the relative deviation from which values count as different.
        floor: lower bound of the largest value; for tensors that would be zero but for rounding.
    """
    if a.numel() == 0:
        return Deviation()
    if torch.equal(a, b):  # by far the usual case, and large models have large tables
        first = a[(0,) * a.dim()].item()
        return Deviation(where=(0,) * a.dim(), a=first, b=first)
    apart, scale = _apart(a, b, floor)
    where = tuple(int(index) for index in torch.unravel_index(apart.argmax().cpu(), a.shape))
    largest = apart[where].item()
    return Deviation(
        largest=largest,
        relative=_ratio(largest, scale),
        where=where,
        a=a[where].item(),
        b=b[where].item(),
        fraction=(apart > tolerance * scale).double().mean().item(),
    )


def relative_deviation(a: Float[Tensor, "..."], b: Float[Tensor, "..."], floor: float = 0.0) -> float:
    """Return the relative deviation alone."""
    if a.numel() == 0:
        return 0.0
    apart, scale = _apart(a, b, floor)
    return _ratio(apart.max().item(), scale)


def _apart(a: Tensor, b: Tensor, floor: float) -> tuple[Tensor, float]:
    """Return |a - b|, infinite where only one of the two is finite, and the largest finite value."""
    a, b = a.detach().double(), b.detach().double()
    apart, sizes = (a - b).abs(), (a.abs().max().item(), b.abs().max().item())
    scale = max(*sizes, floor)
    if not all(map(isfinite, sizes)):
        apart = torch.where((a == b) | (a.isnan() & b.isnan()), 0.0, apart).nan_to_num(nan=inf)
        finite = torch.cat((a[a.isfinite()], b[b.isfinite()])).abs()
        scale = max(finite.max().item() if len(finite) else 0.0, floor)
    return apart, scale


def _ratio(largest: float, scale: float) -> float:
    return largest / scale if scale > 0 else (inf if largest else 0.0)
