"""What the trainer needs from its parts: any object with these methods fits.

An optimizer or an objective of your own works in the trainer just as ours do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llm_tokenizer.interface import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


@runtime_checkable
class Optimizer(Protocol):
    """Updates weights with the gradients that it is given."""

    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float) -> None:
        """Make one update, with every peak learning rate times `lr_multiplier`."""

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next update depends on, by name."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned."""


@runtime_checkable
class Objective(Protocol):
    """Computes how wrong a model is on some tokens."""

    def __call__(self, model: nn.Module, tokens: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss in nats per target, differentiable in the model's weights."""


@runtime_checkable
class Tracker(Protocol):
    """Shows the measurements of a run somewhere else, beside its own two logs."""

    def start(self, recipe: Mapping[str, Any]) -> None:
        """Begin, or go on: a resumed run starts again at the step of its checkpoint."""

    def log(self, step: int, row: Mapping[str, Any]) -> None:
        """Take what was measured after a step."""

    def finish(self, results: Mapping[str, Any]) -> None:
        """Take the results; the run is finished."""


class TrainError(UserError):
    """A recipe, a corpus, a run folder or a checkpoint is not what it must be; the message says what to do."""


class NonFiniteError(TrainError):
    """A loss or the gradient norm is no longer finite; raised before the update, so the weights are unchanged."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: the training has diverged, its numbers are too large to compute with. Train again in another "
            "folder (--run NAME) with lower learning rates (--set matrix_lr=…), or with --set precision=float32"
        )


class CheckpointError(TrainError):
    """A checkpoint could not be written or read; earlier ones are unchanged."""
