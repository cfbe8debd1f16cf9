"""The one exception family of this package."""

from __future__ import annotations


class TokenizerError(ValueError):
    """Something the caller can put right: an argument, a text or a file.

    The message is one sentence for a person: which argument or file, what it must be, what it was, what to do.
    """
