"""How far two tensors lie apart, and where."""

from dataclasses import dataclass

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


def difference(
    a: Float[Tensor, "..."], b: Float[Tensor, "..."], tolerance: float, floor: float = 0.0
) -> Difference:
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
    a, b = a.detach().double(), b.detach().double()
    same = (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(same, 0.0, (a - b).abs()).nan_to_num(nan=torch.inf)
    both = torch.cat((a.flatten(), b.flatten())).abs()
    finite = both[both.isfinite()]
    scale = max(finite.max().item() if len(finite) else 0.0, floor)
    place = int(apart.argmax())
    where = tuple(int(index) for index in torch.unravel_index(torch.tensor(place), a.shape))
    largest = apart.max().item()
    return Difference(
        largest=largest,
        relative=largest / scale if scale > 0 else (torch.inf if largest else 0.0),
        where=where,
        a=a[where].item(),
        b=b[where].item(),
        share=(apart > tolerance * scale).double().mean().item(),
    )
