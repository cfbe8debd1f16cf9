"""Numbers that were rounded on the way: to a shorter floating-point type, or to the steps of a few bits."""

import torch
from torch import Tensor

from llm_layers.inspection.causes.guess import Guess

TYPES = (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2)
GROUPS = (0, 256, 128, 64, 32, 16)  # neighbours that share a scale; 0 stands for a whole row
HALF_A_STEP = 0.6  # and a little, because the scales are rounded too
COARSE = 2.0**-5  # rounding, and not something else, leaves a number within this share of itself


def rounded(a: Tensor, b: Tensor, what: str) -> list[Guess]:
    """Guess that B's numbers are A's, rounded.

    Args:
        a: the numbers of A.
        b: the numbers of B.
        what: how to call them in a sentence.
    """
    guesses: list[Guess] = []
    for dtype in TYPES:
        name = str(dtype).removeprefix("torch.")
        says = f"{what} of {{b}} are those of {{a}}, rounded to {name}"
        guesses.append(Guess(name=f"rounded to {name}", says=says, value=a.to(dtype).to(a.dtype)))
        if torch.equal(a.to(dtype).to(b.dtype), b):
            return guesses[-1:]
    for dtype in TYPES[:2]:
        name = str(dtype).removeprefix("torch.")
        says = f"{what} of {{b}} hold no more digits than {name} has, and lie within its rounding of those of {{a}}"
        guesses.append(Guess(name=f"rounded to {name}", says=says, value=_all_short(a, b, dtype)))
    if a.dim() >= 2:
        guesses += [guess for group in GROUPS if (guess := _on_a_grid(a, b, group, what)) is not None]
    return guesses


def _all_short(a: Tensor, b: Tensor, dtype: torch.dtype) -> Tensor | None:
    """Give b itself if it fits into the type and a does not: then it was rounded, in whatever order."""
    close = (a - b).abs() <= COARSE * torch.maximum(a.abs(), b.abs()) + COARSE**2 * a.abs().max()
    is_short = torch.equal(b.to(dtype).to(b.dtype), b) and not torch.equal(a.to(dtype).to(a.dtype), a)
    return b if is_short and bool(close.all()) else None


def _on_a_grid(a: Tensor, b: Tensor, group: int, what: str) -> Guess | None:
    """Guess that each group of B's numbers is a few evenly spaced values, each the one nearest to A's number."""
    width = a.shape[-1]
    size = group or width
    if width % size or size < 8:
        return None
    original, stored = a.reshape(-1, size).double(), b.reshape(-1, size).double()
    for largest, bits in ((127, 8), (7, 4), (8, 4)):
        step = stored.abs().amax(dim=-1, keepdim=True) / largest
        codes = (stored / step.clamp(min=1e-300)).round()
        off_the_grid = (stored - codes * step).abs().max() > 1e-3 * step.max()
        levels = torch.unique(codes.abs())
        if off_the_grid or len(levels) < 3 or bool(((original - stored).abs() > HALF_A_STEP * step + 1e-12).any()):
            continue
        of = f"groups of {group}" if group else "each row"
        says = (
            f"{what} of {{b}} are those of {{a}}, rounded to {bits} bits with one scale for {of}: "
            "every number lies on that grid, at most half a step away"
        )
        return Guess(name=f"rounded to {bits} bits", says=says, value=b)
    return None
