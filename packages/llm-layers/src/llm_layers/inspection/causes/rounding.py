"""Values that were rounded on the way, to a shorter floating-point type or to a few bits; or multiplied by a number."""

from collections.abc import Iterator

import torch
from torch import Tensor

from llm_layers.inspection.causes.hypothesis import Hypothesis

TYPES = (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2)
GROUPS = (0, 256, 128, 64, 32, 16)  # neighbors that share a scale; 0 is a whole row
HALF_A_STEP = 0.6  # and a little, because the scales are rounded too
COARSE = 2.0**-5  # rounding, and not something else, leaves a value within this fraction of itself


def rounded(name: str, a: Tensor, b: Tensor, what: str) -> Iterator[Hypothesis]:
    """Predict that B's values are A's, rounded.

    Args:
        name: of the tensor.
        a: the values of A.
        b: the values of B.
        what: how to call them in a sentence.
    """
    for dtype in TYPES:
        called = str(dtype).removeprefix("torch.")
        says = f"{what} in {{b}} are those of {{a}}, rounded to {called}"
        exact = a.to(dtype).to(a.dtype)
        yield Hypothesis(name=f"rounded to {called}", says=says, predicts={name: exact})
        if torch.equal(a.to(dtype).to(b.dtype), b):
            return
        if dtype in TYPES[:2] and _is_short(a, b, dtype):
            says = f"{what} in {{b}} have no more digits than {called}, and are within its rounding of those of {{a}}"
            yield Hypothesis(name=f"rounded to {called}", says=says, predicts={name: b})
    for group in GROUPS if a.dim() >= 2 else ():
        bits = _bits_of_grid(a, b, group)
        if bits is not None:
            says = (
                f"{what} in {{b}} are those of {{a}}, rounded to {bits} bits with one scale for "
                f"{f'groups of {group}' if group else 'each row'}: all are on that grid, at most half a step away"
            )
            yield Hypothesis(name=f"rounded to {bits} bits", says=says, predicts={name: b})


def scaled(name: str, a: Tensor, b: Tensor, what: str) -> Iterator[Hypothesis]:
    """Predict that B's values are A's, multiplied by one number."""
    square = a.double().square().sum().item()
    if not square > 0:
        return
    c = (a.double() * b.double()).sum().item() / square
    if abs(c) < 1e-12:
        yield Hypothesis(name="zeros", says=f"{what} is all zeros in {{b}}", predicts={name: torch.zeros_like(a)})
    elif abs(c + 1) < 1e-4:
        yield Hypothesis(name="sign inverted", says=f"{what} has the other sign in {{b}}", predicts={name: -a})
    else:
        says = f"{what} in {{b}} is {c:.6g} times that in {{a}}"
        yield Hypothesis(name="a factor", says=says, predicts={name: a * c})


def _is_short(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    """Return whether b fits into the type and a does not, and they are close: rounded, in whatever order."""
    close = (a - b).abs() <= COARSE * torch.maximum(a.abs(), b.abs()) + COARSE**2 * a.abs().max()
    fits, fitted = (torch.equal(x.to(dtype).to(x.dtype), x) for x in (b, a))
    return fits and not fitted and bool(close.all())


def _bits_of_grid(a: Tensor, b: Tensor, group: int) -> int | None:
    """Return of how many bits B's grid is, if in each group its values are evenly spaced and the nearest to A's."""
    size = group or a.shape[-1]
    if a.shape[-1] % size or size < 8:
        return None
    original, stored = a.reshape(-1, size).double(), b.reshape(-1, size).double()
    for largest, bits in ((127, 8), (7, 4), (8, 4)):
        step = stored.abs().amax(dim=-1, keepdim=True) / largest
        integers = (stored / step.clamp(min=1e-300)).round()
        on_the_grid = (stored - integers * step).abs().max() <= 1e-3 * step.max()
        near = bool(((original - stored).abs() <= HALF_A_STEP * step + 1e-12).all())
        if on_the_grid and near and len(torch.unique(integers.abs())) >= 3:
            return bits
    return None
