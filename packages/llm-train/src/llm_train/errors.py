"""The one family of errors that this package raises for things a user can put right."""

from collections.abc import Iterable
from difflib import get_close_matches


class TrainError(ValueError):
    """A recipe, a corpus, a run folder or a checkpoint is not what it must be; the message says what to do."""


class NonFiniteError(TrainError):
    """The loss or the gradient norm is no longer a finite number; raised before the update, so no weight is spoilt."""


class CheckpointError(TrainError):
    """A checkpoint could not be written or read; those written before it are untouched."""


def suggest(word: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` where a known name is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
