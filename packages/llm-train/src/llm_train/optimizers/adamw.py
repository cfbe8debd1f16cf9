"""AdamW: each weight moves by about the same amount, whatever the size of its gradient."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from llm_train.optimizers.per_weight import check_names, zeros_for


def adamw_update(
    parameter: Tensor,
    gradient: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    step: int,
    *,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """Make one step of AdamW: a new parameter and its moments, the running means of the gradient and its square.

    Formula:
        m ← β₁ m + (1-β₁) g;  v ← β₂ v + (1-β₂) g²
        θ ← θ - η λ θ - η · m/(1-β₁ᵗ) / (√(v/(1-β₂ᵗ)) + ε)

    Why it works:
        Gradients of different weights differ in size by factors of thousands, so one learning rate cannot fit all.
        Dividing the mean gradient by its root mean square leaves a value near ±1 where the gradient keeps its sign,
        and near 0 where it is mostly noise. Both moments start at 0 and are too small at first; dividing by 1-βᵗ
        corrects that exactly. ε is outside the root: it is the gradient size below which steps become smaller. The
        decay is subtracted from the weight itself, times the learning rate, and not added to the gradient: there it
        would be divided by the root mean square too, and weights with large gradients would hardly decay.

        The three tensors are updated in place. It passes over memory 16 times (2 more with decay), each a read or a
        write of all weights; that is what a step costs. Correcting the rate and ε instead of the two moments saves 4
        of them: m̂ / (√v̂ + ε) = m √(1-β₂ᵗ)/(1-β₁ᵗ) / (√v + ε √(1-β₂ᵗ)).

    Args:
        parameter: θ.
        gradient: g; not changed.
        first_moment: m, zeros before the first step.
        second_moment: v, zeros before the first step.
        step: t, counted from 1.
        learning_rate: η.
        beta1: the fraction of m that is kept, from 0 to below 1.
        beta2: the fraction of v that is kept, from 0 to below 1.
        eps: ε.
        weight_decay: λ.

    Spec: train.adamw
    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101;
        Kingma and Ba 2015, "Adam", arXiv:1412.6980.
    """
    gradient = gradient.to(first_moment.dtype)
    first_moment.lerp_(gradient, 1 - beta1)
    second_moment.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    correction = math.sqrt(1 - beta2**step)
    root = second_moment.sqrt().add_(eps * correction)
    if weight_decay:
        parameter.mul_(1 - learning_rate * weight_decay)
    parameter.addcdiv_(first_moment, root, value=-learning_rate * correction / (1 - beta1**step))


class AdamW:
    """Holds the moments of `adamw_update` for some named parameters."""

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        learning_rates: Mapping[str, float],
        *,
        beta1: float = 0.9,
        beta2: float = 0.95,
        eps: float = 1e-8,
        weight_decay: Mapping[str, float] | None = None,
    ) -> None:
        """Take parameters by name, and by the same names their peak learning rates and (default 0) weight decay.

        Raises:
            TrainError: a parameter has no learning rate, or a rate or a decay has no parameter.
        """
        self.weight_decay = dict(weight_decay or {})
        check_names(parameters, learning_rates, self.weight_decay)
        self.parameters, self.learning_rates = dict(parameters), dict(learning_rates)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.update: Callable[..., None] = adamw_update
        self.steps = 0
        self.means, self.squares = zeros_for(self.parameters), zeros_for(self.parameters)

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float = 1.0) -> None:
        """Update every parameter, with the peak learning rates times `lr_multiplier`."""
        self.steps += 1
        for name, parameter in self.parameters.items():
            self.update(
                parameter, gradients[name], self.means[name], self.squares[name], self.steps,
                learning_rate=lr_multiplier * self.learning_rates[name], weight_decay=self.weight_decay.get(name, 0.0),
                beta1=self.beta1, beta2=self.beta2, eps=self.eps,
            )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """Return the averages and the number of steps."""
        means = {f"mean.{name}": value for name, value in self.means.items()}
        squares = {f"square.{name}": value for name, value in self.squares.items()}
        return {"steps": torch.tensor(self.steps), **means, **squares}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the averages and the number of steps."""
        self.steps = int(state["steps"])
        for name in self.parameters:
            self.means[name].copy_(state[f"mean.{name}"])
            self.squares[name].copy_(state[f"square.{name}"])
