"""The one family of errors that this package raises for things a user can put right."""


class TrainError(ValueError):
    """A recipe, a corpus, a run folder or a checkpoint is not what it must be; the message says what to do."""


class NonFiniteError(TrainError):
    """The loss or the gradient norm is no longer a finite number; raised before the update, so no weight is spoilt."""


class CheckpointError(TrainError):
    """A checkpoint could not be written or read; those written before it are untouched."""
