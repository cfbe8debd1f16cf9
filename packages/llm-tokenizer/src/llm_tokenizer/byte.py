"""The simplest tokenizer: one token per byte."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from llm_tokenizer.decoding import Vocabulary
from llm_tokenizer.special import SpecialTokens, utf8

BYTES = tuple(bytes([value]) for value in range(256))


class ByteTokenizer:
    """Every byte of the text's UTF-8 is a token, and its id is its value.

    Why it works:
        UTF-8 writes any text as bytes, and there are only 256 of them. No text is ever unknown, nothing is learned,
        and English comes out several times as long as with a trained vocabulary.
    """

    def __init__(self, special_tokens: Sequence[str] = ()) -> None:
        self._special = SpecialTokens(special_tokens, first_id=256)
        self._vocabulary = Vocabulary(BYTES, self._special.ids)

    @property
    def vocab_size(self) -> int:
        """256 and one for each special token."""
        return len(self._vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        return self._special.ids

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The values of the text's bytes."""
        return self._special.encode(text, allowed_special, lambda part: list(utf8(part)))

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of several texts, each encoded on its own."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return self._vocabulary.decode(ids)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the ids."""
        return self._vocabulary.decode_bytes(ids)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token."""
        return self._vocabulary.token_bytes(id)
