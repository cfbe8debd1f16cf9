"""AdamW: each weight moves by about the same amount, whatever the size of its gradient."""

from collections.abc import Mapping

import torch
from torch import Tensor

from llm_train.interface import TrainError


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

        The three tensors are updated in place, so that a step needs no memory of its own.

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
    root = (second_moment / (1 - beta2**step)).sqrt_().add_(eps)
    if weight_decay:
        parameter.mul_(1 - learning_rate * weight_decay)
    parameter.addcdiv_(first_moment, root, value=-learning_rate / (1 - beta1**step))


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
        rates, decays = set(learning_rates), set(weight_decay or {})
        if wrong := sorted((parameters.keys() ^ rates) | (decays - parameters.keys())):
            raise TrainError(
                "learning_rates must have the names of the parameters, and weight_decay some of them; "
                f"they differ in {', '.join(wrong)}"
            )
        self.parameters = dict(parameters)
        self.learning_rates = dict(learning_rates)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.weight_decay = dict(weight_decay or {})
        self.steps = 0
        # In float16 the square of a gradient of 300 is beyond all numbers, and that of 1e-4 is zero.
        wide = {name: torch.promote_types(one.dtype, torch.float32) for name, one in self.parameters.items()}
        self.means = {name: torch.zeros_like(one, dtype=wide[name]) for name, one in self.parameters.items()}
        self.squares = {name: torch.zeros_like(one, dtype=wide[name]) for name, one in self.parameters.items()}

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float = 1.0) -> None:
        """Update every parameter, with the peak learning rates times `lr_multiplier`."""
        self.steps += 1
        for name, parameter in self.parameters.items():
            adamw_update(
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
