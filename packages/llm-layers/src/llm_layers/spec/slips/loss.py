"""Mistakes with cross-entropy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.attention import softmax
from llm_layers.reference.loss import (
    cross_entropy_backward,
    cross_entropy_sum_backward,
    linear_cross_entropy_backward,
    linear_cross_entropy_sum_backward,
)
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.cross_entropy")


LogP = Callable[[Any, int], Any]


def _losses(logits: Any, targets: Any, ignored: int, log_p: LogP = F.log_softmax) -> tuple[Any, Any]:
    """Return the loss of each row, 0 where it does not count, and which rows count."""
    counted = targets != ignored
    at_target = log_p(logits, -1).gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return -at_target.where(counted, 0), counted


def _mean(losses: Any, counted: Any) -> Any:
    return losses.sum() / counted.sum().clamp(min=1)


def _over_all(losses: Any, counted: Any) -> Any:
    return losses.sum() / max(counted.numel(), 1)


slip("ignored targets in the mean", "the sum is divided by all targets, ignored ones included")(
    lambda logits, targets, ignored: _over_all(*_losses(logits, targets, ignored))
)
slip("sum for mean", "the losses are summed, not averaged")(
    lambda logits, targets, ignored: _losses(logits, targets, ignored)[0].sum()
)
slip("-100 always", "-100 is ignored whatever was given")(
    lambda logits, targets, ignored: _mean(*_losses(logits, targets, -100))
)
slip("ignored taken for token 0", "an ignored target is trained on as token 0")(
    lambda logits, targets, ignored: _over_all(*_losses(logits, targets.where(targets != ignored, 0), -(10**6)))
)
slip("NaN without targets", "0/0 when no target counts")(
    lambda logits, targets, ignored: _losses(logits, targets, ignored)[0].sum() / (targets != ignored).sum()
)
slip("base 2", "the logarithm of base 2: bits instead of nats")(
    lambda logits, targets, ignored: _mean(*_losses(logits, targets, ignored)) / math.log(2)
)
slip("softmax twice", "probabilities are handed to a function that takes logits")(
    lambda logits, targets, ignored: _mean(*_losses(torch.softmax(logits, -1), targets, ignored))
)
slip("targets shifted", "each row is compared with its neighbor's target")(
    lambda logits, targets, ignored: _mean(*_losses(logits, targets.roll(1, -1) if targets.dim() else targets, ignored))
)


@slip("mean of means", "each row of the batch is averaged first: short rows weigh too much")
def mean_of_means(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = _losses(logits, targets, ignored)
    rows = targets.shape[0] if targets.dim() > 1 else 1
    numbers = counted.reshape(rows, -1).sum(-1).clamp(min=1)
    return (losses.reshape(rows, -1).sum(-1) / numbers).mean()


def _by(log_p: LogP) -> Callable[[Any, Any, int], Any]:
    """Return the loss with the logarithms of the probabilities computed by a rule of the logits and the axis."""
    return lambda logits, targets, ignored: _mean(*_losses(logits, targets, ignored, log_p))


def _unshifted(logits: Any, axis: int) -> Any:
    return logits - logits.exp().sum(axis, keepdim=True).log()


slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(_by(_unshifted))
slip("guarded logarithm", "log(p + 1e-9): a certain mistake costs too little")(
    _by(lambda logits, axis: (torch.softmax(logits, axis) + 1e-9).log())
)
slip("gradient not divided", "p - one-hot is not divided by their number", backward=True)(
    lambda dloss, logits, targets, ignored: (
        cross_entropy_backward(dloss, logits, targets, ignored) * np.sum(targets != ignored)
    )
)
slip("ignored rows pushed", "ignored rows still get the gradient p", backward=True)(
    lambda dloss, logits, targets, ignored: (
        cross_entropy_backward(dloss, logits, targets, ignored)
        + dloss * softmax(logits, -1) * (targets == ignored)[..., None] / max(np.sum(targets != ignored), 1)
    )
)


slip = SLIPS.of("layers.smoothed_cross_entropy")


def _smoothed(
    parts: Callable[[float, int], tuple[float, float]] = lambda smoothing, vocab: (1 - smoothing, smoothing / vocab),
    mean: Callable[[Any, Any], Any] = _mean,
) -> Callable[..., Any]:
    """Return the loss of which one step is replaced; `parts` is the weight of the target and that of every token."""

    def loss(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
        at_target, each = parts(smoothing, logits.shape[-1])
        right, counted = _losses(logits, targets, ignored)
        return mean((at_target * right - each * F.log_softmax(logits, -1).sum(-1)).where(counted, 0), counted)

    return loss


slip("spread over the others", "smoothing goes to the vocab - 1 other tokens only")(
    _smoothed(lambda smoothing, vocab: (1 - smoothing - smoothing / (vocab - 1), smoothing / (vocab - 1)))
)
slip("target left out", "nothing of what is spread goes to the target")(
    _smoothed(lambda smoothing, vocab: (1 - smoothing - smoothing / vocab, smoothing / vocab))
)
slip("target kept whole", "smoothing is added, the target is not made smaller")(
    _smoothed(lambda smoothing, vocab: (1.0, smoothing / vocab))
)
slip("not divided by vocab", "every token gets smoothing, not smoothing / vocab")(
    _smoothed(lambda smoothing, vocab: (1 - smoothing, smoothing))
)
slip("smoothing forgotten", "plain cross-entropy")(_smoothed(lambda smoothing, vocab: (1.0, 0.0)))
slip("ignored targets in the mean", "divided by all targets, ignored ones included")(_smoothed(mean=_over_all))
slip("one-hot in the gradient", "the gradient is that of no smoothing", backward=True)(
    lambda dloss, logits, targets, smoothing, ignored: cross_entropy_backward(dloss, logits, targets, ignored)
)


@slip("ignored rows smoothed", "ignored rows still give the part that is spread")
def ignored_smoothed(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    spread = -smoothing * F.log_softmax(logits, -1).mean(-1)
    return _smoothed(lambda smoothing, vocab: (1 - smoothing, 0.0))(logits, targets, smoothing, ignored) + _mean(
        spread, targets != ignored
    )


slip = SLIPS.of("layers.z_loss")


def _z_loss(
    rule: Callable[[Any], Any] = lambda z: z.square(),
    mean: Callable[[Any, Any], Any] = _mean,
    normalizer: Callable[[Any], Any] = lambda logits: logits.logsumexp(-1),
) -> Callable[..., Any]:
    """Return the loss of which one step is replaced."""

    def z_loss(logits: Any, targets: Any, ignored: int) -> Any:
        counted = targets != ignored
        return mean(rule(normalizer(logits).where(counted, 0)), counted)

    return z_loss


slip("square left out", "log Σ exp is not squared: it may run to minus infinity")(_z_loss(lambda z: z))
slip("ignored targets in the mean", "the sum is divided by all targets, ignored ones included")(_z_loss(mean=_over_all))
slip("ignored rows counted", "every row counts, whatever its target")(
    lambda logits, targets, ignored: _over_all(logits.logsumexp(-1).square(), targets)
)
slip("square of the mean", "the mean is taken first: drifts up and down cancel")(
    lambda logits, targets, ignored: _z_loss(lambda z: z)(logits, targets, ignored).square()
)
slip("square of the loss", "the cross-entropy is squared: the target's logit is subtracted first")(
    lambda logits, targets, ignored: _mean(_losses(logits, targets, ignored)[0].square(), targets != ignored)
)
slip("NaN without targets", "0/0 when no target counts")(
    _z_loss(mean=lambda losses, counted: losses.sum() / counted.sum())
)
slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(
    _z_loss(normalizer=lambda logits: logits.exp().sum(-1).log())
)
slip("normalizer held constant", "z · z with one of the two detached: half the gradient")(
    _z_loss(lambda z: z * z.detach())
)


slip = SLIPS.of("layers.linear_cross_entropy")


slip("NaN without targets", "0/0 when no target counts")(
    lambda hidden, head, targets, ignored: (
        _losses(hidden @ head.T, targets, ignored)[0].sum() / (targets != ignored).sum()
    )
)
slip("head held constant", "the head is detached and never learns")(
    lambda hidden, head, targets, ignored: _mean(*_losses(hidden @ head.T.detach(), targets, ignored))
)


@slip("mean of the parts' means", "each two rows are averaged first, then their means")
def mean_of_parts(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    losses, counted = (rows.flatten() for rows in _losses(hidden @ head.T, targets, ignored))
    return torch.stack(list(map(_mean, losses.split(2), counted.split(2)))).mean()


@slip("last rows dropped", "only whole parts of two rows are worked on")
def whole_parts(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    losses, counted = (rows.flatten() for rows in _losses(hidden @ head.T, targets, ignored))
    whole = len(losses) // 2 * 2
    return _mean(losses[:whole], counted[:whole]) + 0 * losses.sum()


slip("upstream forgotten", "ready gradients are returned without dloss", backward=True)(
    lambda dloss, *inputs: linear_cross_entropy_backward(1.0, *inputs)
)


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
        losses, counted = _losses(logits, targets, ignored, log_p)
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
        lambda weights, counted: weights.where(counted, 0) / _mean(weights.where(counted, 0), counted).clamp(min=1e-9)
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
    ("largest logit left in", "exp is taken of the logits as they are: it overflows"): _sums(log_p=_unshifted),
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
        losses, counted = (rows.flatten() for rows in _losses(hidden @ head.T, targets, ignored))
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
