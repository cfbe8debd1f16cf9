"""Special tokens: ids that no ordinary text can produce, and what all tokenizers with such tokens have in common.

A text is data. If the characters `<|endoftext|>` in a web page became the control token, any page could end a
document. So they stay plain characters, unless the caller, who knows where a text comes from, allows them by name.
"""

from __future__ import annotations

import copy
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from llm_tokenizer.decoding import Vocabulary
from llm_tokenizer.interface import TokenizerError, require_str, require_texts

ALL = "all"
_splitter = lru_cache(maxsize=64)(lambda names: re.compile(f"({any_of(names)})"))  # with many names it takes long


class VocabularyTokenizer(ABC):
    """A tokenizer over a fixed vocabulary: everything but how ordinary text becomes ids.

    `bos_token_id` and `eos_token_id` are the ids that begin and end a text, where the tokenizer's file names them;
    `add_bos_token` and `add_eos_token` say whether the model expects them around every text. `encode` never adds them:
    `build_inputs_with_special_tokens` does.

    Args:
        tokens: The bytes of the ordinary tokens, as a sequence numbered from 0 or by their ids.
        special_tokens: The special tokens.
    """

    bos_token_id: int | None = None
    eos_token_id: int | None = None
    add_bos_token: bool = False
    add_eos_token: bool = False

    def __init__(self, tokens: Sequence[bytes] | Mapping[int, bytes], special_tokens: SpecialTokens) -> None:
        self._special = special_tokens
        self._vocabulary = Vocabulary(tokens, special_tokens.ids)

    @property
    def vocab_size(self) -> int:
        """One more than the largest id, special tokens included."""
        return len(self._vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        return self._special.ids

    @property
    def added_tokens(self) -> Mapping[str, int]:
        """The same, and the tokens that are found in any text: SentencePiece's user-defined ones."""
        return self.special_tokens

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """Return the ids of a text. A special token in it is plain characters unless it is allowed here by name."""
        require_str(text)
        if not allowed_special:
            return self._encode_ordinary(text)
        ids: list[int] = []
        for part, is_special in self._special.split(text, allowed_special):
            ids += [self.special_tokens[part]] if is_special else self._encode_ordinary(part)
        return ids

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the ids of several texts, each encoded on its own."""
        return [self.encode(text) for text in require_texts("texts", texts)]

    def build_inputs_with_special_tokens(self, ids: Iterable[int]) -> list[int]:
        """Return the ids of a text with the ids around it that the model expects."""
        begin = [self.bos_token_id] if self.add_bos_token and self.bos_token_id is not None else []
        end = [self.eos_token_id] if self.add_eos_token and self.eos_token_id is not None else []
        return [*begin, *ids, *end]

    def with_text_ids(
        self,
        *,
        bos_token_id: int | None = None,
        eos_token_id: int | None = None,
        add_bos_token: bool = False,
        add_eos_token: bool = False,
    ) -> Self:
        """Return the same tokenizer with these ids around a text.

        Raises:
            TokenizerError: An id is not in this vocabulary, or is to be added and is not given.
        """
        for name, id, add in (("bos", bos_token_id, add_bos_token), ("eos", eos_token_id, add_eos_token)):
            if id is not None:
                self._vocabulary.token_bytes(id, f"{name}_token_id")
            elif add:
                raise TokenizerError(f"add_{name}_token: must be False where there is no {name}_token_id, was True")
        other = copy.copy(self)
        other.bos_token_id, other.eos_token_id = bos_token_id, eos_token_id
        other.add_bos_token, other.add_eos_token = add_bos_token, add_eos_token
        return other

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the ids."""
        return self._vocabulary.decode_bytes(ids)

    def token_bytes(self, id: int) -> bytes:
        """Return the bytes of one token."""
        return self._vocabulary.token_bytes(id)

    @abstractmethod
    def _encode_ordinary(self, text: str) -> list[int]:
        """Return the ids of a text without special tokens."""


class SpecialTokens:
    """The special tokens of one tokenizer: names, of which the k-th gets the id `first_id + k`, or names with ids.

    Where two of them could start at the same place, the longest wins.
    """

    def __init__(self, names: Sequence[str] | Mapping[str, int], first_id: int = 0) -> None:
        if isinstance(names, str):
            raise TokenizerError(f"special_tokens: must be a list of names, was the one string {names!r}")
        ids: dict[str, int] = {}
        for place, name in enumerate(names):
            if not isinstance(name, str) or not name:
                raise TokenizerError(f"special_tokens[{place}]: must be a string that is not empty, was {name!r}")
            if name in ids:
                raise TokenizerError(f"special_tokens[{place}]: {name!r} occurs twice; name it once")
            utf8(name, what=f"special_tokens[{place}]")
            ids[name] = names[name] if isinstance(names, Mapping) else first_id + place
        self.ids: Mapping[str, int] = MappingProxyType(ids)

    def split(self, text: str, allowed: Collection[str]) -> Iterator[tuple[str, bool]]:
        """Yield the parts of a text, and whether each is a special token.

        `allowed` holds names, or is the word "all".
        """
        names = self._names(allowed)
        parts = _splitter(tuple(names)).split(text) if names else [text]
        for place, part in enumerate(parts):
            if part:
                yield part, place % 2 == 1

    def _names(self, allowed: Collection[str]) -> Collection[str]:
        if allowed == ALL:
            return self.ids
        if isinstance(allowed, str):
            raise TokenizerError(
                f"allowed_special: must be a collection of names, was the one string {allowed!r}; {ALL!r} allows all"
            )
        for name in allowed:
            if name not in self.ids:
                known = ", ".join(map(repr, self.ids)) or "none"
                known = known if len(known) < 300 else known[:300] + " …"
                raise TokenizerError(f"allowed_special: {name!r} is not a special token here (there are: {known})")
        return allowed


def any_of(names: Iterable[str]) -> str:
    """Return a regular expression for any of these names; at one place the longest first."""
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True)))


def utf8(text: str, *, what: str = "text") -> bytes:
    """Return the UTF-8 bytes of a text; half a surrogate pair, which UTF-8 cannot hold, is refused with its place."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"{what}: character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair, which is "
            "not a character of its own; replace it (for example by U+FFFD) before encoding"
        ) from None
