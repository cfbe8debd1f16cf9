"""Mistakes with SGD and momentum."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.sgd")

Settings = Any  # rate, momentum, decay, nesterov


def _sgd(
    *,
    gradient: Callable[..., Tensor] = lambda s, parameter, gradient: gradient + s.decay * parameter,
    velocity: Callable[..., Tensor] = lambda s, gradient, velocity: s.momentum * velocity + gradient,
    step: Callable[..., Tensor] = lambda s, gradient, old, new: gradient + s.momentum * new if s.nesterov else new,
    after: Callable[..., Tensor] = lambda s, parameter, step: parameter - s.rate * step,
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return SGD with one of its parts replaced."""

    def sgd(
        parameter: Tensor, given: Tensor, old: Tensor, learning_rate: float, momentum: float, weight_decay: float,
        nesterov: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        s = SimpleNamespace(rate=learning_rate, momentum=momentum, decay=weight_decay, nesterov=nesterov)
        slope = gradient(s, parameter, given)
        new = velocity(s, slope, old)
        return after(s, parameter, step(s, slope, old, new)), new

    return sgd


slip("the velocity as a mean (as in Adam)", "The new gradient counts whole, not for 1 − μ.")(
    _sgd(velocity=lambda s, gradient, velocity: s.momentum * velocity + (1 - s.momentum) * gradient)
)
slip("momentum left out", "The velocity keeps a fraction μ of itself.")(
    _sgd(velocity=lambda s, gradient, velocity: gradient)
)
slip("the velocity keeps all of itself", "Multiply the old velocity by μ.")(
    _sgd(velocity=lambda s, gradient, velocity: velocity + gradient)
)
slip("the learning rate inside the velocity", "The velocity is a sum of gradients; the rate is for the step.")(
    _sgd(
        velocity=lambda s, gradient, velocity: s.momentum * velocity + s.rate * gradient,
        after=lambda s, parameter, step: parameter - step,
    )
)
slip("the step is made with the old velocity", "First the velocity, then the step.")(
    _sgd(step=lambda s, gradient, old, new: gradient + s.momentum * old if s.nesterov else old)
)
slip("Nesterov left out", "With Nesterov the step is g + μ v.")(_sgd(step=lambda s, gradient, old, new: new))
slip("Nesterov always", "Only where it is asked for.")(
    _sgd(step=lambda s, gradient, old, new: gradient + s.momentum * new)
)
slip("Nesterov with the old velocity", "Look ahead with the new velocity.")(
    _sgd(step=lambda s, gradient, old, new: gradient + s.momentum * old if s.nesterov else new)
)
slip("Nesterov's look ahead is kept as the velocity", "The velocity that comes back is μ v + g.")(
    lambda *given: (
        (_sgd()(*given)[0], given[1] + given[5] * given[0] + given[4] * _sgd()(*given)[1])
        if given[6]
        else _sgd()(*given)
    )
)
slip("weight decay outside the gradient (decoupled)", "Here the decay is part of the gradient.")(
    _sgd(
        gradient=lambda s, parameter, gradient: gradient,
        after=lambda s, parameter, step: parameter * (1 - s.rate * s.decay) - s.rate * step,
    )
)
slip("weight decay left out", "λ θ is added to the gradient.")(_sgd(gradient=lambda s, parameter, gradient: gradient))
slip("weight decay with the sign of the step", "The decay pulls toward zero.")(
    _sgd(gradient=lambda s, parameter, gradient: gradient - s.decay * parameter)
)
slip("uphill", "The step is subtracted.")(_sgd(after=lambda s, parameter, step: parameter + s.rate * step))
