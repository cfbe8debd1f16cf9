"""What the trainer asks of its parts, and what a run offers to whoever reads it.

Anything with these methods fits: an optimizer or an objective of your own works in the trainer as ours do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from llm_tokenizer.interface import UserError

if TYPE_CHECKING:
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


class TrainError(UserError):
    """A recipe, a corpus, a run folder or a checkpoint is not what it must be; the message says what to do."""


class NonFiniteError(TrainError):
    """The loss or the gradient norm is no longer a finite number; raised before the update, so no weight is spoilt."""


class CheckpointError(TrainError):
    """A checkpoint could not be written or read; those written before it are untouched."""


def suggest(word: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` where a known name is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
