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
    later: int = 0,
) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """Return AdamW with one of its parts replaced; `later` is added to the number of the step."""

    def adamw(
        parameter: Tensor, given: Tensor, first: Tensor, second: Tensor, number: int, learning_rate: float,
        beta1: float, beta2: float, eps: float, weight_decay: float,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        s = SimpleNamespace(rate=learning_rate, beta1=beta1, beta2=beta2, eps=eps, decay=weight_decay, t=number + later)
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
slip("bias correction of the first moment only", "The second moment starts at zero too.")(
    _adamw(step=lambda s, mean, square: mean / (1 - s.beta1**s.t) / (square.sqrt() + s.eps))
)
slip("steps counted from 2", "The first step has t = 1.")(_adamw(later=1))
slip("steps counted from 0", "The first step has t = 1: with 0 it divides by zero.")(
    _adamw(later=-1, step=lambda s, mean, square: _step(s, mean, square) if s.t else 0.0 * mean)
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
slip("the two betas exchanged", "β1 is for the mean, β2 for the mean square.")(
    lambda parameter, gradient, first, second, step, rate, beta1, beta2, *rest: _adamw()(
        parameter, gradient, first, second, step, rate, beta2, beta1, *rest
    )
)
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
slip("the second moment of the mean, not of the gradient", "The square is that of the new gradient.")(
    _adamw(moments=lambda s, gradient, mean, square: (
        _moments(s, gradient, mean, square)[0], _moments(s, _moments(s, gradient, mean, square)[0], mean, square)[1]
    ))
)  # fmt: skip
slip("a second moment that never falls (that is AMSGrad)", "The second moment is a running mean: it may fall.")(
    _adamw(moments=lambda s, gradient, mean, square: (
        _moments(s, gradient, mean, square)[0], torch.maximum(square, _moments(s, gradient, mean, square)[1])
    ))
)  # fmt: skip


slip = SLIPS.of("train.warmup_cosine")


def _cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def _schedule(
    *,
    rise: Callable[[int, int], float] = lambda step, warmup: (step + 1) / warmup,
    down: Callable[[int, int], float] = lambda step, total: min(1.0, step / total),
    rate: Callable[[float, float, float], float] = lambda peak, floor, fraction: (
        floor + (peak - floor) * _cosine(fraction)
    ),
) -> Callable[[int, float, float, int, int], float]:
    """Return the schedule with one part replaced; `down` counts steps from the end of the warm-up."""

    def warmup_cosine(step: int, peak: float, floor: float, warmup_steps: int, total_steps: int) -> float:
        if step < warmup_steps:
            return peak * rise(step, warmup_steps)
        return rate(peak, floor, down(step - warmup_steps, total_steps - warmup_steps))

    return warmup_cosine


slip("warm-up from zero", "Step 0 must already move: count s + 1.")(_schedule(rise=lambda step, warmup: step / warmup))
slip("warm-up that ends one step late", "The last step of the warm-up has the peak.")(
    _schedule(rise=lambda step, warmup: (step + 1) / (warmup + 1))
)
slip("floor ignored", "The cosine ends at the floor, not at zero.")(
    _schedule(rate=lambda peak, floor, fraction: peak * _cosine(fraction))
)
slip("floor added on top of the peak", "The cosine spans from the floor to the peak.")(
    _schedule(rate=lambda peak, floor, fraction: floor + peak * _cosine(fraction))
)
slip("cosine over all steps, warm-up included", "The fall begins after the warm-up.")(
    lambda step, peak, floor, warmup, total: _schedule(down=lambda *_: min(1.0, step / total))(
        step, peak, floor, warmup, total
    )
)
slip("no stop at the end: the cosine rises again", "From total_steps on the rate is the floor.")(
    _schedule(down=lambda step, total: step / total)
)
slip("a straight line down instead of a cosine", "Half a cosine: slow, fast, slow.")(
    _schedule(rate=lambda peak, floor, fraction: peak + (floor - peak) * fraction)
)
slip("a whole cosine, down and up", "Half a period: the angle goes to π, not to 2π.")(
    _schedule(down=lambda step, total: 1.0 if step >= total else 2 * step / total)
)
slip("the cosine ends one step early", "total_steps itself has the floor, not the step before.")(
    _schedule(down=lambda step, total: min(1.0, step / (total - 1)))
)
slip("warm-up divided without a look at zero", "warmup_steps may be 0.")(
    lambda step, peak, floor, warmup, total: (
        min(1.0, (step + 1) / warmup) * _schedule()(max(step, warmup), peak, floor, warmup, total)
    )
)


slip = SLIPS.of("train.warmup_stable_decay")


def _left(step: float, total: float, decay: float) -> float:
    return min(1.0, max(0.0, (total - step) / decay))


def _stable(
    *,
    rise: Callable[[int, int], float] = lambda step, warmup: (step + 1) / warmup,
    left: Callable[[float, float, float], float] = _left,
    rate: Callable[[float, float, float], float] = lambda peak, floor, left: floor + (peak - floor) * left,
    decay: Callable[[int, int, float], float] = lambda warmup, total, decay: decay,
) -> Callable[[int, float, float, int, int, float], float]:
    """Return the schedule with one part replaced; `left` is what is left of the fall, from 1 to 0."""
    return lambda step, peak, floor, warmup, total, steps: (
        peak * rise(step, warmup)
        if step < warmup
        else rate(peak, floor, left(step, total, decay(warmup, total, steps)))
    )


slip("warm-up from zero", "Step 0 must already move: count s + 1.")(_stable(rise=lambda step, warmup: step / warmup))
slip("warm-up that ends one step late", "The last step of the warm-up has the peak.")(
    _stable(rise=lambda step, warmup: (step + 1) / (warmup + 1))
)
slip("warm-up divided without a look at zero", "warmup_steps may be 0.")(
    lambda step, peak, floor, warmup, total, decay: (
        min(1.0, (step + 1) / warmup) * _stable()(max(step, warmup), peak, floor, warmup, total, decay)
    )
)
slip("floor ignored", "The line ends at the floor, not at zero.")(_stable(rate=lambda peak, floor, left: peak * left))
slip("floor added on top of the peak", "The line spans from the floor to the peak.")(
    _stable(rate=lambda peak, floor, left: floor + peak * left)
)
slip("half a cosine down instead of a line", "The fall is a straight line.")(
    _stable(rate=lambda peak, floor, left: floor + (peak - floor) * _cosine(1 - left))
)
slip("no stop at the end: the rate falls below the floor", "From total_steps on the rate is the floor.")(
    _stable(left=lambda step, total, decay: min(1.0, (total - step) / decay))
)
slip("the fall ends one step early", "total_steps itself has the floor, not the step before.")(
    _stable(left=lambda step, total, decay: _left(step, total - 1, decay))
)
slip("no stable part: the fall begins after the warm-up", "The rate stays at the peak until the last decay_steps.")(
    _stable(decay=lambda warmup, total, decay: total - warmup)
)
slip("the fall begins at step decay_steps", "decay_steps counts back from total_steps.")(
    _stable(decay=lambda warmup, total, decay: total - decay)
)
slip("decay_steps cut to whole steps", "decay_steps need not be whole.")(
    _stable(decay=lambda warmup, total, decay: max(1, int(decay)))
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
slip("the largest of the norms", "All gradients count, not only the largest.")(
    _clip(lambda gradients: torch.stack([gradient.norm() for gradient in gradients]).max())
)
slip("sum of the absolute values", "The norm is the root of the sum of squares.")(
    _clip(lambda gradients: torch.stack([gradient.abs().sum() for gradient in gradients]).sum())
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
slip("the last gradient forgotten", "Every gradient of the list is clipped and counted.")(
    lambda gradients, limit: (
        [*_clip()(gradients[:-1] or gradients, limit)[0], gradients[-1]][-len(gradients) :],
        _norm(gradients[:-1] or gradients),
    )
)
