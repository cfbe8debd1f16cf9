"""SGD with momentum: go downhill, and keep going where the gradients agree."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from llm_train.optimizers.per_weight import check_names, zeros_for


def sgd_update(
    parameter: Tensor,
    gradient: Tensor,
    velocity: Tensor,
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> None:
    """Make one step of gradient descent with momentum: a new parameter and a new velocity, both in place.

    Formula:
        g' = g + λ θ;  v ← μ v + g'
        θ ← θ - η v,  or with Nesterov's momentum  θ ← θ - η (g' + μ v)

    Why it works:
        Against the gradient is the direction in which the loss falls fastest, but only nearby: across a narrow valley
        the gradients point from side to side, along it they are small and agree. The velocity is a sum of the past
        gradients that fades: what changes its sign cancels, what agrees adds up, to 1/(1-μ) times its length. Nesterov
        looks one step of the velocity ahead, which corrects an overshoot one step earlier.

        The velocity is a sum (μ v + g), not a mean (μ v + (1-μ) g) as in Adam and Muon: published learning rates of
        SGD are for the sum, as torch.optim.SGD has it. With the mean the same step needs a rate 1/(1-μ) times as high.
        The decay is part of the gradient, as there; without momentum that is the same as AdamW's decay.

        It passes over memory 8 times (11 with Nesterov, 3 more with decay), each a read or a write of all weights.

    Args:
        parameter: θ.
        gradient: g; not changed.
        velocity: v, zeros before the first step.
        learning_rate: η.
        momentum: μ, the fraction of v that is kept, from 0 to below 1.
        weight_decay: λ.
        nesterov: look ahead.

    Spec: train.sgd
    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration methods"; Sutskever et al. 2013, "On
        the importance of initialization and momentum in deep learning" (Nesterov's momentum in this form).
    """
    gradient = gradient.to(velocity.dtype)
    if weight_decay:
        gradient = gradient.add(parameter, alpha=weight_decay)
    velocity.mul_(momentum).add_(gradient)
    step = gradient.add(velocity, alpha=momentum) if nesterov else velocity
    parameter.add_(step, alpha=-learning_rate)


class SGD:
    """Holds the velocities of `sgd_update` for some named parameters."""

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        learning_rates: Mapping[str, float],
        *,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: Mapping[str, float] | None = None,
    ) -> None:
        """Take parameters by name, and by the same names their peak learning rates and (default 0) weight decay.

        Raises:
            TrainError: a parameter has no learning rate, or a rate or a decay has no parameter.
        """
        self.weight_decay = dict(weight_decay or {})
        check_names(parameters, learning_rates, self.weight_decay)
        self.parameters, self.learning_rates = dict(parameters), dict(learning_rates)
        self.momentum, self.nesterov = momentum, nesterov
        self.update: Callable[..., None] = sgd_update
        self.velocities = zeros_for(self.parameters)

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float = 1.0) -> None:
        """Update every parameter, with the peak learning rates times `lr_multiplier`."""
        for name, parameter in self.parameters.items():
            self.update(
                parameter, gradients[name], self.velocities[name],
                learning_rate=lr_multiplier * self.learning_rates[name], weight_decay=self.weight_decay.get(name, 0.0),
                momentum=self.momentum, nesterov=self.nesterov,
            )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """Return the velocities."""
        return {f"velocity.{name}": value for name, value in self.velocities.items()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the velocities."""
        for name, velocity in self.velocities.items():
            velocity.copy_(state[f"velocity.{name}"])
