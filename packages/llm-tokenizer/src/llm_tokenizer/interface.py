"""What every tokenizer offers, and the errors for users. Other packages depend on these, never on a class of ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class Tokenizer(Protocol):
    """Text to token ids and back.

    An id is a whole number from 0 to `vocab_size - 1`. Every token represents some bytes, so that
    `decode_bytes(encode(text))` is exactly `text.encode("utf-8")`.
    """

    @property
    def vocab_size(self) -> int:
        """How many different ids there are, special tokens included."""
        ...

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        ...

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """Return the ids of a text. A special token in it is plain characters unless it is allowed here by name."""
        ...

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the ids of several texts, each encoded on its own."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD, the replacement character."""
        ...

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the ids, with nothing replaced."""
        ...

    def token_bytes(self, id: int) -> bytes:
        """Return the bytes of one token."""
        ...


class UserError(ValueError):
    """Something the caller can put right: an argument, a text or a file. The errors of all packages derive from it.

    The message is one sentence for a person: which argument or file, what it must be, what it was, what to do.

    Args:
        message: The sentence.
        option: A parameter with a value that would do, such as `vocab_size=289`: a command that has it as an option
            adds it to the sentence.
    """

    def __init__(self, message: str, *, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option


class TokenizerError(UserError):
    """A `UserError` of this package."""
