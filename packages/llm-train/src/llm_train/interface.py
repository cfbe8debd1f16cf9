"""What the trainer needs from its parts: any object with these methods fits.

An optimizer, an objective or a backend of your own works in the trainer just as ours do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from llm_tokenizer.interface import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from llm_train.data.batch import Batch


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
    """Computes how wrong a model is on a batch."""

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses, in nats and differentiable in the weights, and the sum of their weights."""


class Part(NamedTuple):
    """What some rows of a batch add to it: sums, which are divided once, when all parts are there."""

    loss_sum: float
    """Of the targets that count."""
    counted: float
    """How many they are, or the sum of their weights."""
    gradients: Mapping[str, Tensor]
    """Of that sum, by the name of the weight, in float32 at least."""


@runtime_checkable
class Backend(Protocol):
    """Runs the forward and backward passes: in threads, in one module, or on many machines."""

    loss_scale: float
    """What the loss is multiplied by before a backward pass, and its gradients divided by; 1 but for float16."""

    def parts(self, batches: Iterable[Batch]) -> Iterator[Part]:
        """Yield what the batches add up to, in a fixed order, in as many parts as it likes.

        On several machines each process gives its own batches, and all get the sums over all of them.
        """


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


class EndedElsewhereError(TrainError):
    """The first of several processes has ended the training; its own message says why."""

    def __init__(self) -> None:
        super().__init__("the first process has ended this training: its message says why")


class CheckpointError(TrainError):
    """A checkpoint could not be written or read; earlier ones are unchanged."""
