"""Mistakes with the update-to-weight ratio."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.update_ratio")

Several = Sequence[Tensor]


def _norm(some: Several) -> float:
    return float(torch.stack([(one**2).sum() for one in some]).sum().sqrt())


def _moved(before: Several, after: Several) -> list[Tensor]:
    return [new - old for old, new in zip(before, after, strict=True)]


def _over(moved: float, length: float) -> float:
    return moved / length if length else (math.inf if moved else 0.0)


def _ratio(norm: Callable[[Several], float]) -> Callable[[Several, Several], float]:
    return lambda before, after: _over(norm(_moved(before, after)), norm(before))


slip("squares without the root", "A norm is the root of the sum of squares.")(_ratio(lambda some: _norm(some) ** 2))
slip("norms of the arrays added up", "One norm over all arrays together.")(
    _ratio(lambda some: sum(float(one.norm()) for one in some))
)
slip("the mean of the ratios", "One ratio of two norms.")(
    lambda before, after: sum(
        _over(float((new - old).norm()), float(old.norm())) for old, new in zip(before, after, strict=True)
    ) / len(before)
)  # fmt: skip
slip("over the weights after the update", "The weights before it are what is compared with.")(
    lambda before, after: _over(_norm(_moved(before, after)), _norm(after))
)
slip("the difference of the norms", "The norm of the difference: a turn is a move too.")(
    lambda before, after: _over(abs(_norm(after) - _norm(before)), _norm(before))
)
slip("upside down", "The move over the weights.")(
    lambda before, after: _over(_norm(before), _norm(_moved(before, after)))
)
slip("the largest change of one number", "Norms, not maxima.")(
    _ratio(lambda some: max(float(one.abs().max()) for one in some))
)
slip("0/0 where nothing is and nothing moves", "That is 0.")(
    lambda before, after: _norm(_moved(before, after)) / _norm(before) if _norm(before) else math.nan
)
slip("0 where weights began at zero", "A move of what was zero is infinite.")(
    lambda before, after: _norm(_moved(before, after)) / _norm(before) if _norm(before) else 0.0
)
slip("an epsilon under the fraction", "Small weights have ratios too.")(
    lambda before, after: _over(_norm(_moved(before, after)), _norm(before) + 1e-8 if _norm(before) else 0.0)
)
