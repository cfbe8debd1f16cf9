"""Mistakes with AdamW."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

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
