"""Mistakes with the parts of a batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.combine")

Sums = Sequence[float]
Counts = Sequence[float]
Gradients = Sequence[Tensor]


def _total(gradients: Gradients) -> Tensor:
    return torch.stack(list(gradients)).sum(0)


def _divided(sums: Sums, gradients: Gradients, by: float, count: float) -> tuple[Any, Tensor, float]:
    return sum(sums) / by, _total(gradients) / by, count


def _mean_of_means(sums: Sums, counts: Counts, gradients: Gradients) -> tuple[Any, Tensor, float]:
    n = len(sums)
    means = [(one / count, gradient / count) if count else (0.0, gradient) for one, count, gradient in
             zip(sums, counts, gradients, strict=True)]  # fmt: skip
    return sum(mean for mean, _ in means) / n, _total([gradient for _, gradient in means]) / n, sum(counts)


slip("the mean of the parts' means", "Add the sums, divide once by the count of all.")(_mean_of_means)
slip("the sums divided by the number of parts", "Divide by the targets that count.")(
    lambda sums, counts, gradients: _divided(sums, gradients, len(sums), sum(counts))
)
slip("the sums themselves", "The mean: divide by the count of all.")(
    lambda sums, counts, gradients: _divided(sums, gradients, 1.0, sum(counts))
)
slip("divided by the count of the last part", "Divide by the count of all parts.")(
    lambda sums, counts, gradients: _divided(sums, gradients, counts[-1] or 1.0, sum(counts))
)
slip("an empty part counts as one target", "It adds nothing to the count.")(
    lambda sums, counts, gradients: _divided(sums, gradients, sum(max(1.0, count) for count in counts), sum(counts))
)
slip("0/0 where nothing counts", "Then loss and gradient are 0.")(
    lambda sums, counts, gradients: _divided(sums, gradients, sum(counts) or float("nan"), sum(counts))
)
slip("a count that is at least 1", "Weights of targets may add up to less.")(
    lambda sums, counts, gradients: _divided(sums, gradients, max(1.0, sum(counts)), sum(counts))
)
slip("the gradient of the last part alone", "Gradients of all parts are added.")(
    lambda sums, counts, gradients: (
        sum(sums) / (sum(counts) or 1.0),
        gradients[-1] / (sum(counts) or 1.0),
        sum(counts),
    )
)
slip("the mean loss, but the gradient of the sum", "Both are divided.")(
    lambda sums, counts, gradients: (sum(sums) / (sum(counts) or 1.0), _total(gradients), sum(counts))
)
slip("the number of parts is returned as the count", "The count is of targets.")(
    lambda sums, counts, gradients: (*_divided(sums, gradients, sum(counts) or 1.0, 0.0)[:2], float(len(sums)))
)
