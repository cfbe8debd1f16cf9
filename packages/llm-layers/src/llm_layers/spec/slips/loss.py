"""Mistakes with cross-entropy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers.reference.attention import softmax
from llm_layers.reference.loss import cross_entropy_backward, linear_cross_entropy_backward
from llm_layers.spec.slips.loss_sums import SLIPS, LogP, mean_of, over_all, row_losses, unshifted

slip = SLIPS.of("layers.cross_entropy")


slip("ignored targets in the mean", "the sum is divided by all targets, ignored ones included")(
    lambda logits, targets, ignored: over_all(*row_losses(logits, targets, ignored))
)
slip("sum for mean", "the losses are summed, not averaged")(
    lambda logits, targets, ignored: row_losses(logits, targets, ignored)[0].sum()
)
slip("-100 always", "-100 is ignored whatever was given")(
    lambda logits, targets, ignored: mean_of(*row_losses(logits, targets, -100))
)
slip("ignored taken for token 0", "an ignored target is trained on as token 0")(
    lambda logits, targets, ignored: over_all(*row_losses(logits, targets.where(targets != ignored, 0), -(10**6)))
)
slip("NaN without targets", "0/0 when no target counts")(
    lambda logits, targets, ignored: row_losses(logits, targets, ignored)[0].sum() / (targets != ignored).sum()
)
slip("base 2", "the logarithm of base 2: bits instead of nats")(
    lambda logits, targets, ignored: mean_of(*row_losses(logits, targets, ignored)) / math.log(2)
)
slip("softmax twice", "probabilities are handed to a function that takes logits")(
    lambda logits, targets, ignored: mean_of(*row_losses(torch.softmax(logits, -1), targets, ignored))
)
slip("targets shifted", "each row is compared with its neighbor's target")(
    lambda logits, targets, ignored: mean_of(
        *row_losses(logits, targets.roll(1, -1) if targets.dim() else targets, ignored)
    )
)


@slip("mean of means", "each row of the batch is averaged first: short rows weigh too much")
def mean_of_means(logits: Any, targets: Any, ignored: int) -> Any:
    losses, counted = row_losses(logits, targets, ignored)
    rows = targets.shape[0] if targets.dim() > 1 else 1
    numbers = counted.reshape(rows, -1).sum(-1).clamp(min=1)
    return (losses.reshape(rows, -1).sum(-1) / numbers).mean()


def _by(log_p: LogP) -> Callable[[Any, Any, int], Any]:
    """Return the loss with the logarithms of the probabilities computed by a rule of the logits and the axis."""
    return lambda logits, targets, ignored: mean_of(*row_losses(logits, targets, ignored, log_p))


slip("largest logit left in", "exp is taken of the logits as they are: it overflows")(_by(unshifted))
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
    mean: Callable[[Any, Any], Any] = mean_of,
) -> Callable[..., Any]:
    """Return the loss of which one step is replaced; `parts` is the weight of the target and that of every token."""

    def loss(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
        at_target, each = parts(smoothing, logits.shape[-1])
        right, counted = row_losses(logits, targets, ignored)
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
slip("ignored targets in the mean", "divided by all targets, ignored ones included")(_smoothed(mean=over_all))
slip("one-hot in the gradient", "the gradient is that of no smoothing", backward=True)(
    lambda dloss, logits, targets, smoothing, ignored: cross_entropy_backward(dloss, logits, targets, ignored)
)


@slip("ignored rows smoothed", "ignored rows still give the part that is spread")
def ignored_smoothed(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    spread = -smoothing * F.log_softmax(logits, -1).mean(-1)
    return _smoothed(lambda smoothing, vocab: (1 - smoothing, 0.0))(logits, targets, smoothing, ignored) + mean_of(
        spread, targets != ignored
    )


slip = SLIPS.of("layers.z_loss")


def _z_loss(
    rule: Callable[[Any], Any] = lambda z: z.square(),
    mean: Callable[[Any, Any], Any] = mean_of,
    normalizer: Callable[[Any], Any] = lambda logits: logits.logsumexp(-1),
) -> Callable[..., Any]:
    """Return the loss of which one step is replaced."""

    def z_loss(logits: Any, targets: Any, ignored: int) -> Any:
        counted = targets != ignored
        return mean(rule(normalizer(logits).where(counted, 0)), counted)

    return z_loss


slip("square left out", "log Σ exp is not squared: it may run to minus infinity")(_z_loss(lambda z: z))
slip("ignored targets in the mean", "the sum is divided by all targets, ignored ones included")(_z_loss(mean=over_all))
slip("ignored rows counted", "every row counts, whatever its target")(
    lambda logits, targets, ignored: over_all(logits.logsumexp(-1).square(), targets)
)
slip("square of the mean", "the mean is taken first: drifts up and down cancel")(
    lambda logits, targets, ignored: _z_loss(lambda z: z)(logits, targets, ignored).square()
)
slip("square of the loss", "the cross-entropy is squared: the target's logit is subtracted first")(
    lambda logits, targets, ignored: mean_of(row_losses(logits, targets, ignored)[0].square(), targets != ignored)
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
        row_losses(hidden @ head.T, targets, ignored)[0].sum() / (targets != ignored).sum()
    )
)
slip("head held constant", "the head is detached and never learns")(
    lambda hidden, head, targets, ignored: mean_of(*row_losses(hidden @ head.T.detach(), targets, ignored))
)


@slip("mean of the parts' means", "each two rows are averaged first, then their means")
def mean_of_parts(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    losses, counted = (rows.flatten() for rows in row_losses(hidden @ head.T, targets, ignored))
    return torch.stack(list(map(mean_of, losses.split(2), counted.split(2)))).mean()


@slip("last rows dropped", "only whole parts of two rows are worked on")
def whole_parts(hidden: Any, head: Any, targets: Any, ignored: int) -> Any:
    losses, counted = (rows.flatten() for rows in row_losses(hidden @ head.T, targets, ignored))
    whole = len(losses) // 2 * 2
    return mean_of(losses[:whole], counted[:whole]) + 0 * losses.sum()


slip("upstream forgotten", "ready gradients are returned without dloss", backward=True)(
    lambda dloss, *inputs: linear_cross_entropy_backward(1.0, *inputs)
)
