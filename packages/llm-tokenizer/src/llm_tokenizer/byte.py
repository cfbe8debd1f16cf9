"""The simplest tokenizer: one token per byte."""

from __future__ import annotations

from collections.abc import Sequence

from llm_tokenizer.special import SpecialTokens, VocabularyTokenizer, utf8

BYTES = tuple(bytes([value]) for value in range(256))


class ByteTokenizer(VocabularyTokenizer):
    """Every byte of the text's UTF-8 is a token, and its id is its value. Special tokens follow.

    Why it works:
        UTF-8 writes any text as bytes, and there are only 256 of them. No text is ever unknown, nothing is learned,
        and English takes several times as many tokens as with a trained vocabulary.
    """

    def __init__(self, special_tokens: Sequence[str] = ()) -> None:
        super().__init__(BYTES, SpecialTokens(special_tokens, first_id=256))

    def _encode_ordinary(self, text: str) -> list[int]:
        return list(utf8(text))
