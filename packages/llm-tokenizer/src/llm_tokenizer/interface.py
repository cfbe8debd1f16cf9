"""What every tokenizer offers, the errors for users, and the checks of arguments that raise them.

Other packages depend on these, never on a class of ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class Tokenizer(Protocol):
    """Text to token ids and back.

    An id is a whole number from 0 to `vocab_size - 1`. Every token represents some bytes, so that
    `decode_bytes(encode(text))` is exactly `text.encode("utf-8")`; only a tokenizer that changes a text first (one with
    a `normalization`, or a SentencePiece vocabulary, see there) returns the changed text.
    """

    @property
    def vocab_size(self) -> int:
        """One more than the largest id, special tokens included. Some ids below it may have no token."""

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """Return the ids of a text. A special token in it is plain characters unless it is allowed here by name."""

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the ids of several texts, each encoded on its own."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD, the replacement character."""

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the ids, with nothing replaced."""

    def token_bytes(self, id: int) -> bytes:
        """Return the bytes of one token."""


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


def require_str(text: str, name: str = "text") -> str:
    """Return the text if it is a string; otherwise raise an error that names the argument."""
    if not isinstance(text, str):
        raise TokenizerError(f"{name}: must be a string, was {type(text).__name__}")
    return text


def require_texts(name: str, texts: Iterable[str]) -> Iterator[str]:
    """Return the texts one by one, each checked when it comes; one string in place of a collection is refused now."""
    if isinstance(texts, str):
        raise TokenizerError(f"{name}: must be a collection of texts, was one string; put it into a list")
    if not isinstance(texts, Iterable):
        raise TokenizerError(f"{name}: must be a collection of texts, was {texts!r:.40}")
    return _checked(name, texts)


def _checked(name: str, texts: Iterable[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        yield require_str(text, f"{name}[{place}]")


def require_count(name: str, value: object) -> None:
    """Raise an error that names the argument, unless the value is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TokenizerError(f"{name}: must be a whole number of at least 1, was {value!r}")


def require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise an error that names the argument, unless the value is one of the choices."""
    if value not in choices:
        raise TokenizerError(f"{name}: must be one of {', '.join(choices)}, was {value!r}")
