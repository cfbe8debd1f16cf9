"""Mistakes with the sums of losses; `loss` adds those with their means."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.loss import cross_entropy_sum_backward, linear_cross_entropy_sum_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
LogP = Callable[[Any, int], Any]


def row_losses(logits: Any, targets: Any, ignored: int, log_p: LogP = F.log_softmax) -> tuple[Any, Any]:
    """Return the loss of each row, 0 where it does not count, and which rows count."""
    counted = targets != ignored
    at_target = log_p(logits, -1).gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return -at_target.where(counted, 0), counted


def mean_of(losses: Any, counted: Any) -> Any:
    """Return the mean of the losses that count."""
    return losses.sum() / counted.sum().clamp(min=1)


def over_all(losses: Any, counted: Any) -> Any:
    """Return the mean over all targets, those that do not count too: a mistake."""
    return losses.sum() / max(counted.numel(), 1)


def unshifted(logits: Any, axis: int) -> Any:
    """Return the log-softmax with the largest logit left in: a mistake."""
    return logits - logits.exp().sum(axis, keepdim=True).log()


slip = SLIPS.of("layers.cross_entropy_sum")


def _given(weights: Any, losses: Any) -> Any:
    return torch.ones_like(losses) if weights is None else weights


def _sums(
    weigh: Callable[[Any, Any], Any] = lambda weights, counted: weights.where(counted, 0),
    count: Callable[[Any, Any], Any] = lambda weights, counted: weights.where(counted, 0).sum(),
    after: Callable[[Any, Any], Any] = lambda total, count: total,
    log_p: LogP = F.log_softmax,
) -> Callable[..., Any]:
    """Return both sums, one step of them replaced."""

    def sums(logits: Any, targets: Any, weights: Any, ignored: int) -> Any:
        losses, counted = row_losses(logits, targets, ignored, log_p)
        weights = _given(weights, losses)
        total, number = (losses * weigh(weights, counted)).sum(), count(weights, counted)
        return after(total, number), number

    return sums


SUM_SLIPS: dict[tuple[str, str], Callable[..., Any]] = {
    ("mean for the sum", "total is divided by the count"): _sums(
        after=lambda total, count: total / (1 if count == 0 else count)
    ),
    ("divided by all targets", "total is divided by the number of targets that count"): (
        lambda logits, targets, weights, ignored: _divided(
            _sums()(logits, targets, weights, ignored), (targets != ignored).sum().clamp(min=1)
        )
    ),
    ("losses without weights", "the weights are in the count only"): _sums(
        lambda weights, counted: counted.to(weights.dtype)
    ),
    ("count without weights", "the count is the number of targets, whatever their weights"): _sums(
        count=lambda weights, counted: counted.sum().to(weights.dtype)
    ),
    ("weights of ignored targets counted", "the count has the weights of ignored targets too"): _sums(
        count=lambda weights, counted: weights.sum()
    ),
    ("count held at one", "the count is at least 1, which is for whoever divides"): _sums(
        count=lambda weights, counted: weights.where(counted, 0).sum().clamp(min=1)
    ),
    ("count cut to a whole number", "the count is a whole number: parts of weights are lost"): _sums(
        count=lambda weights, counted: weights.where(counted, 0).sum().trunc()
    ),
    ("weights scaled", "the weights are scaled, so that their mean is 1"): _sums(
        lambda weights, counted: weights.where(counted, 0) / mean_of(weights.where(counted, 0), counted).clamp(min=1e-9)
    ),
    ("weights cut off at zero", "a weight below zero counts as zero"): _sums(
        lambda weights, counted: weights.where(counted, 0).clamp(min=0)
    ),
    ("no zero weight", "a weight of zero is taken for none: it counts once"): _sums(
        lambda weights, counted: weights.where(weights != 0, 1).where(counted, 0)
    ),
    ("weights shifted", "each loss has its neighbor's weight"): _sums(
        lambda weights, counted: (weights.roll(1, -1) if weights.dim() else weights).where(counted, 0)
    ),
    ("-100 always", "-100 is ignored whatever was given"): (
        lambda logits, targets, weights, ignored: (
            _sums()(logits, targets.where(targets != ignored, 0), weights, -100)
            if (targets != -100).all()
            else _sums()(logits, targets, weights, -100)
        )
    ),
    ("weights learned by the count", "the count is made of the losses: the gradient runs through it"): (
        lambda logits, targets, weights, ignored: _with_slope(_sums()(logits, targets, weights, ignored), logits)
    ),
    ("largest logit left in", "exp is taken of the logits as they are: it overflows"): _sums(log_p=unshifted),
}
"""(name, sentence) -> mistake with the two sums; the head and the loss in one can make the same."""


def _divided(sums: tuple[Any, Any], number: Any) -> tuple[Any, Any]:
    return sums[0] / number, sums[1]


def _with_slope(sums: tuple[Any, Any], logits: Any) -> tuple[Any, Any]:
    return sums[0], sums[1] + (logits - logits.detach()).sum()


for (_name, _sentence), _mistake in SUM_SLIPS.items():
    slip(_name, _sentence)(_mistake)
slip("gradient of the mean", "the gradient is divided by the count", backward=True)(
    lambda dtotal, dcount, logits, targets, weights, ignored: (
        cross_entropy_sum_backward(dtotal, dcount, logits, targets, weights, ignored)
        / max(np.sum(targets != ignored), 1)
    )
)
slip("gradient without weights", "the gradient is p - one-hot, whatever the weight", backward=True)(
    lambda dtotal, dcount, logits, targets, weights, ignored: cross_entropy_sum_backward(
        dtotal, dcount, logits, targets, None, ignored
    )
)


slip = SLIPS.of("layers.linear_cross_entropy_sum")


def _with_head(mistake: Callable[..., Any]) -> Callable[..., Any]:
    return lambda hidden, head, *rest: mistake(hidden @ head.T, *rest)


for (_name, _sentence), _mistake in SUM_SLIPS.items():
    slip(_name, _sentence)(_with_head(_mistake))
slip("head held constant", "the head is detached and never learns")(
    lambda hidden, head, *rest: _sums()(hidden @ head.T.detach(), *rest)
)


def _in_parts(join: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return both sums with the losses and weights of two rows at a time joined by a rule."""

    def sums(hidden: Any, head: Any, targets: Any, weights: Any, ignored: int) -> Any:
        losses, counted = (rows.flatten() for rows in row_losses(hidden @ head.T, targets, ignored))
        weights = _given(weights, targets.double()).flatten().to(losses.dtype).where(counted, 0)
        return join(losses, weights), weights.sum()

    return sums


def _divided_parts(losses: Any, weights: Any) -> Any:
    pairs = zip(losses.split(2), weights.split(2), strict=True)
    return sum(((part * w).sum() / (w.sum() if w.sum() != 0 else 1) for part, w in pairs), 0 * losses.sum())


slip("parts divided", "each two rows are divided by their own count before they are added")(_in_parts(_divided_parts))
slip("last rows dropped", "only whole parts of two rows are worked on")(
    _in_parts(lambda losses, weights: (losses * weights)[: len(losses) // 2 * 2].sum() + 0 * losses.sum())
)
slip("upstream forgotten", "ready gradients are returned without dtotal", backward=True)(
    lambda dtotal, *inputs: linear_cross_entropy_sum_backward(1.0, *inputs)
)
slip("ready gradients without weights", "the weights are not in the gradients", backward=True)(
    lambda dtotal, dcount, hidden, head, targets, weights, ignored: linear_cross_entropy_sum_backward(
        dtotal, dcount, hidden, head, targets, None, ignored
    )
)
