"""The one family of errors that this package raises for things a user can put right."""


class GenerateError(ValueError):
    """A setting, a prompt or a model folder is not what it must be; the message says what to do."""
