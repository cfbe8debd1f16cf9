"""Slips: mistakes that people really make when they write a training step; every one must fail a case."""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.adamw")

Settings = Any  # rate, beta1, beta2, eps, decay, and t, the number of the step


def _moments(s: Settings, gradient: Tensor, mean: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    return s.beta1 * mean + (1 - s.beta1) * gradient, s.beta2 * square + (1 - s.beta2) * gradient**2


def _step(s: Settings, mean: Tensor, square: Tensor) -> Any:
    return mean / (1 - s.beta1**s.t) / ((square / (1 - s.beta2**s.t)).sqrt() + s.eps)


def _corrected(results: tuple[Tensor, Tensor, Tensor], power1: float, power2: float) -> tuple[Tensor, Tensor, Tensor]:
    return results[0], results[1] / (1 - power1), results[2] / (1 - power2)


def _adamw(
    *,
    gradient: Callable[..., Tensor] = lambda s, parameter, gradient: gradient,
    moments: Callable[..., tuple[Tensor, Tensor]] = _moments,
    step: Callable[..., Tensor] = _step,
    decay: Callable[..., Tensor | float] = lambda s, before, after: s.rate * s.decay * before,
) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """Return AdamW with one of its parts replaced."""

    def adamw(
        parameter: Tensor, given: Tensor, first: Tensor, second: Tensor, number: int, learning_rate: float,
        beta1: float, beta2: float, eps: float, weight_decay: float,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        s = SimpleNamespace(rate=learning_rate, beta1=beta1, beta2=beta2, eps=eps, decay=weight_decay, t=number)
        first, second = moments(s, gradient(s, parameter, given), first, second)
        after = parameter - s.rate * step(s, first, second)
        return after - decay(s, parameter, after), first, second

    return adamw


slip("weight decay inside the gradient (that is Adam with L2)", "Decay is subtracted from the parameter.")(
    _adamw(gradient=lambda s, parameter, gradient: gradient + s.decay * parameter, decay=lambda *_: 0.0)
)
slip("bias correction left out", "Divide the moments by 1 − β^t: they start at zero.")(
    _adamw(step=lambda s, mean, square: mean / (square.sqrt() + s.eps))
)
slip("steps counted from 0", "The first step has t = 1: with 0 it divides by zero.")(
    lambda parameter, gradient, first, second, step, *rest: _adamw()(
        parameter, gradient, first, second, step - 1, *rest
    )
)
slip("epsilon inside the root", "Epsilon is added to the root, not to the mean square.")(
    _adamw(step=lambda s, mean, square: mean / (1 - s.beta1**s.t) / (square / (1 - s.beta2**s.t) + s.eps).sqrt())
)
slip("epsilon added before the bias correction", "Correct the second moment first, then add epsilon.")(
    _adamw(
        step=lambda s, mean, square: math.sqrt(1 - s.beta2**s.t) / (1 - s.beta1**s.t) * mean / (square.sqrt() + s.eps)
    )
)
slip("epsilon left out", "A gradient of zero gives 0/0 without it.")(
    _adamw(step=lambda s, mean, square: mean / (1 - s.beta1**s.t) / (square / (1 - s.beta2**s.t)).sqrt())
)
slip("weight decay not multiplied by the learning rate", "Here λ is per unit of learning rate.")(
    _adamw(decay=lambda s, before, after: s.decay * before)
)
slip("decay of the parameter after the step", "Decay is a fraction of the parameter before the step.")(
    _adamw(decay=lambda s, before, after: s.rate * s.decay * after)
)
slip("weight decay left out", "Without it this is Adam.")(_adamw(decay=lambda *_: 0.0))
slip("moments forgotten after each step", "The moments belong to the parameter and are kept.")(
    _adamw(moments=lambda s, gradient, *_: (gradient * (1 - s.beta1**s.t), gradient**2 * (1 - s.beta2**s.t)))
)
slip("the mean as a sum (momentum of plain SGD)", "The new gradient counts for 1 − β1.")(
    _adamw(
        moments=lambda s, gradient, mean, square: (s.beta1 * mean + gradient, _moments(s, gradient, mean, square)[1])
    )
)
slip("the corrected moments are handed on", "Correct for the step only; the next step takes the moments as they are.")(
    lambda parameter, gradient, first, second, step, rate, beta1, beta2, *rest: _corrected(
        _adamw()(parameter, gradient, first, second, step, rate, beta1, beta2, *rest), beta1**step, beta2**step
    )
)
slip("the step is made with the old moments", "First the moments, then the step.")(
    lambda parameter, gradient, first, second, *rest: (
        _adamw(moments=lambda s, gradient, mean, square: (mean, square))(parameter, gradient, first, second, *rest)[0],
        *_adamw()(parameter, gradient, first, second, *rest)[1:],
    )
)


def _cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def _cosine_left(step: float, warmup: int, total: float) -> float:
    return _cosine(min(1.0, (step - warmup) / (total - warmup)))


def _line_left(step: float, warmup: int, total: float, decay: float) -> float:
    return min(1.0, max(0.0, (total - step) / decay))


def _schedule(
    left: Callable[..., float],
    *,
    rise: Callable[[int, int], float] = lambda step, warmup: (step + 1) / warmup,
    rate: Callable[[float, float, float], float] = lambda peak, floor, left: floor + (peak - floor) * left,
) -> Callable[..., float]:
    """Return a schedule with one part replaced; `left` is what is left of the fall in a step, from 1 to 0."""
    return lambda step, peak, floor, warmup, total, *decay: (
        peak * rise(step, warmup) if step < warmup else rate(peak, floor, left(step, warmup, total, *decay))
    )


for slip, right in (
    (SLIPS.of("train.warmup_cosine"), _cosine_left),
    (SLIPS.of("train.warmup_stable_decay"), _line_left),
):
    slip("warm-up from zero", "Step 0 must already move: count s + 1.")(
        _schedule(right, rise=lambda step, warmup: step / warmup)
    )
    slip("warm-up that ends one step late", "The last step of the warm-up has the peak.")(
        _schedule(right, rise=lambda step, warmup: (step + 1) / (warmup + 1))
    )
    slip("warm-up divided without a look at zero", "warmup_steps may be 0.")(
        lambda step, peak, floor, warmup, *rest, right=right: (
            min(1.0, (step + 1) / warmup) * _schedule(right)(max(step, warmup), peak, floor, warmup, *rest)
        )
    )
    slip("floor ignored", "The fall ends at the floor, not at zero.")(
        _schedule(right, rate=lambda peak, floor, left: peak * left)
    )
    slip("floor added on top of the peak", "The fall spans from the peak to the floor.")(
        _schedule(right, rate=lambda peak, floor, left: floor + peak * left)
    )


slip = SLIPS.of("train.warmup_cosine")
slip("cosine over all steps, warm-up included", "The fall begins after the warm-up.")(
    _schedule(lambda step, warmup, total: _cosine_left(step, 0, total))
)
slip("no stop at the end: the cosine rises again", "From total_steps on the rate is the floor.")(
    _schedule(lambda step, warmup, total: _cosine((step - warmup) / (total - warmup)))
)
slip("a straight line down instead of a cosine", "Half a cosine: slow, fast, slow.")(
    _schedule(lambda step, warmup, total: 1 - min(1.0, (step - warmup) / (total - warmup)))
)
slip("a whole cosine, down and up", "Half a period: the angle goes to π, not to 2π.")(
    _schedule(lambda step, warmup, total: 0.0 if step >= total else _cosine(2 * (step - warmup) / (total - warmup)))
)
slip("the cosine ends one step early", "total_steps itself has the floor, not the step before.")(
    _schedule(lambda step, warmup, total: _cosine_left(step, warmup, total - 1))
)


slip = SLIPS.of("train.warmup_stable_decay")
slip("half a cosine down instead of a line", "The fall is a straight line.")(
    _schedule(lambda *steps: _cosine(1 - _line_left(*steps)))
)
slip("no stop at the end: the rate falls below the floor", "From total_steps on the rate is the floor.")(
    _schedule(lambda step, warmup, total, decay: min(1.0, (total - step) / decay))
)
slip("the fall ends one step early", "total_steps itself has the floor, not the step before.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total - 1, decay))
)
slip("no stable part: the fall begins after the warm-up", "The rate stays at the peak until the last decay_steps.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total, total - warmup))
)
slip("the fall begins at step decay_steps", "decay_steps counts back from total_steps.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total, total - decay))
)
slip("decay_steps cut to whole steps", "decay_steps need not be whole.")(
    _schedule(lambda step, warmup, total, decay: _line_left(step, warmup, total, max(1, int(decay))))
)


slip = SLIPS.of("train.clip_gradients")


Gradients = Sequence[Tensor]
Clipped = tuple[list[Tensor], Tensor]


def _norm(gradients: Gradients) -> Tensor:
    return torch.stack([(gradient**2).sum() for gradient in gradients]).sum().sqrt()


def _shorter(norm: Tensor, limit: float) -> Tensor:
    return torch.clamp(limit / (norm + 1e-30), max=1.0)


def _clip(
    norm: Callable[[Gradients], Tensor] = _norm, scale: Callable[[Tensor, float], Tensor | float] = _shorter
) -> Callable[..., Clipped]:
    """Return the clipping with another norm or another factor."""

    def clip_gradients(gradients: Gradients, limit: float) -> Clipped:
        length = norm(gradients)
        return [gradient * scale(length, limit) for gradient in gradients], length

    return clip_gradients


slip("each gradient clipped by itself", "One norm for all, or the direction changes.")(
    lambda gradients, limit: ([g * _shorter(g.norm(), limit) for g in gradients], _norm(gradients))
)
slip("always scaled to the limit", "Gradients below the limit are left alone.")(
    _clip(scale=lambda norm, limit: limit / norm if norm > 0 else 1.0)
)
slip("clipped number by number", "All values are multiplied by the same factor.")(
    lambda gradients, limit: ([g.clamp(-limit, limit) for g in gradients], _norm(gradients))
)
slip("norm without the root", "The norm is the root of the sum of squares.")(
    _clip(lambda gradients: _norm(gradients) ** 2)
)
slip("norms of the gradients added up", "Add the squares, then take one root.")(
    _clip(lambda gradients: torch.stack([gradient.norm() for gradient in gradients]).sum())
)
slip("root of the mean square instead of the sum", "The norm grows with the number of weights.")(
    _clip(lambda gradients: torch.cat([gradient.flatten() for gradient in gradients]).square().mean().sqrt())
)
slip("the norm after clipping is returned", "The norm before clipping shows what happened.")(
    lambda gradients, limit: (_clip()(gradients, limit)[0], _norm(gradients) * _shorter(_norm(gradients), limit))
)
slip("divided by the norm, not by norm / limit", "Multiply by the limit as well.")(
    _clip(scale=lambda norm, limit: 1 / norm if norm > limit else 1.0)
)
slip("0/0 where all gradients are zero", "Divide only where the norm is above the limit.")(
    _clip(scale=lambda norm, limit: torch.minimum(torch.ones_like(norm), limit / norm) * (norm / norm))
)
