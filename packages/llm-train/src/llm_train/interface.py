"""What the trainer asks of its parts, and what a run offers to whoever reads it.

Anything with these methods fits: an optimizer or an objective of your own works in the trainer as ours do.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Optimizer(Protocol):
    """Moves weights by the gradients that are given to it."""

    def step(self, gradients: Mapping[str, Tensor], share: float) -> None:
        """Make one update; `share` is what the schedule leaves of every peak rate."""

    def state(self) -> dict[str, Tensor]:
        """Everything that the next update depends on, by name."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up a state that `state` gave."""


@runtime_checkable
class Objective(Protocol):
    """Says how wrong a model is on some tokens."""

    def __call__(self, model: nn.Module, tokens: Tensor, targets: Tensor) -> Tensor:
        """Give the mean loss in nats per target, differentiable in the model's weights."""


@runtime_checkable
class RunFolder(Protocol):
    """A finished or running training, read from disk."""

    @property
    def model_folder(self) -> Path:
        """The trained model in the Hugging Face layout."""

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""

    def metrics(self) -> Iterator[Mapping[str, Any]]:
        """What was measured, line by line."""
