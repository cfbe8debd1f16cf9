"""The one exception family of this package."""


class LayersError(ValueError):
    """A mistake a person can mend: the message says what it must be, what it was and what to do."""
