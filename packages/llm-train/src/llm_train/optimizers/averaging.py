"""Weight averaging: the mean of the last few hundred models is better than the last one, and costs nothing to run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from llm_train.interface import Optimizer
from llm_train.optimizers.per_weight import zeros_for


def ema_update(average: Tensor, parameter: Tensor, step: int, *, decay: float) -> None:
    """Add a parameter to its exponential moving average (EMA), in place.

    Formula:
        a ← a + w (θ - a)  with  w = (1-β) / (1-βᵗ)

    Why it works:
        With a high learning rate the weights do not come to rest: they jump about in the valley that they are in. The
        mean of many of them is nearer to its middle than any one, as if the rate had been lowered, while the training
        goes on with long steps. β forgets: about the last 1/(1-β) steps count.

        A mean that begins at zero, or at the random initial weights, is wrong for the first 1/(1-β) steps. Here the
        first step has w = 1, the second about 1/2, and so on down to 1-β: after t steps the average is exactly the mean
        of the t weights with the shares βᵗ⁻ᵏ, divided by their sum. That is Adam's correction, made as one goes, so
        that the average can be used at any moment. A decay that rises by a rule of thumb, min(β, (1+t)/(10+t)), starts
        well too, but its shares follow from no formula.

        It passes over memory 3 times: two reads and a write of all weights.

    Args:
        average: a; anything before the first step. In float32 at least: 16 bits lose a 0.001th of the difference.
        parameter: θ, after its update; not changed.
        step: t, which weights these are, counted from 1.
        decay: β, from 0 to below 1.

    Spec: train.ema
    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; Kingma and Ba 2015,
        "Adam", arXiv:1412.6980, section 7.2 (of the weights, with this correction).
    """
    average.lerp_(parameter.to(average.dtype), (1 - decay) / (1 - decay**step))


class WeightAverage:
    """Holds the averages of a model's weights, in float32 at least, and puts them into the model for a while."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Take the model, whose weights are read in every `update`, and the decay of `ema_update`."""
        self.parameters: dict[str, Tensor] = dict(model.named_parameters())
        self.decay, self.steps = decay, 0
        self.averages = zeros_for(self.parameters)

    @torch.no_grad()
    def update(self) -> None:
        """Add the model's present weights; to be called after every update of them."""
        self.steps += 1
        for name, parameter in self.parameters.items():
            ema_update(self.averages[name], parameter, self.steps, decay=self.decay)

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Let the model have the averages until the end of the `with`, to evaluate, sample or save it.

        Before the first update the model keeps its weights.
        """
        kept = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        try:
            self._put(self.averages if self.steps else kept)
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(values[name])

    def state(self) -> dict[str, Tensor]:
        """Return the averages and how many weights are in them."""
        return {"steps": torch.tensor(self.steps)} | {f"average.{name}": one for name, one in self.averages.items()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned."""
        self.steps = int(state["steps"])
        for name, average in self.averages.items():
            average.copy_(state[f"average.{name}"])


class AveragingOptimizer:
    """An optimizer after each of whose steps the weights are added to their average."""

    def __init__(self, optimizer: Optimizer, average: WeightAverage) -> None:
        self.optimizer, self.average = optimizer, average

    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float) -> None:
        """Make one update, and add the new weights to the average."""
        self.optimizer.step(gradients, lr_multiplier)
        self.average.update()

    def state(self) -> dict[str, Tensor]:
        """Return the optimizer's state, the averages, and the weights themselves: a model is saved with its average."""
        weights = {f"weight.{name}": weight.detach().clone() for name, weight in self.average.parameters.items()}
        average = {f"average.{name}": value for name, value in self.average.state().items()}
        return self.optimizer.state() | average | weights

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned, the weights included."""
        for name, weight in self.average.parameters.items():
            weight.copy_(state[f"weight.{name}"])
        start = "average."
        self.average.load_state({key[len(start) :]: value for key, value in state.items() if key.startswith(start)})
        self.optimizer.load_state(state)
