"""Text while it is being generated, token by token, and never half a character."""

from __future__ import annotations

import codecs

from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.interface import Tokenizer, TokenizerError


class IncrementalDecoder:
    """Turns ids into text as they come.

    Why it works:
        A character of several bytes may lie in two tokens. What cannot be shown yet, at most three bytes, is held
        back until the rest arrives, so the parts in a row are exactly what `decode` gives for all ids at once.
        Decoding each token alone would show `�` for both halves.

    A SentencePiece tokenizer puts a blank before a text and takes it off again in decoding, and so does this one: at
    the beginning, and after each special token.

    Args:
        tokenizer: Whose ids will come.
        continued: Whether the ids go on in the middle of a text, such as a prompt: then a blank at the beginning is a
            blank of the text.

    Spec: tokenizer.stream_decode
    """

    def __init__(self, tokenizer: Tokenizer, *, continued: bool = False) -> None:
        self._tokenizer = tokenizer
        leading_blank = isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.leading_blank
        self._special = frozenset(tokenizer.special_tokens.values()) if leading_blank else None
        self._at_start = not continued
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._finished = False

    def feed(self, id: int) -> str:
        """The text that this token completes; empty while a character is still unfinished."""
        if self._finished:
            raise TokenizerError("IncrementalDecoder: was finished already; make a new one for the next text")
        text = self._decoder.decode(self._without_added_blank(id, self._tokenizer.token_bytes(id)))
        held = self._decoder.getstate()[0]
        if held[:1] == b"\xed" and held[1:2] >= b"\xa0":  # half a surrogate pair, which Python waits for in vain
            text += self._decoder.decode(b"", final=True)
        return text

    def _without_added_blank(self, id: int, data: bytes) -> bytes:
        if self._special is None:
            return data
        is_special, at_start = id in self._special, self._at_start
        self._at_start = is_special
        return data.removeprefix(b" ") if at_start and not is_special else data

    def finish(self) -> str:
        """What is left at the end: empty, or U+FFFD for a character that never became whole."""
        self._finished = True
        return self._decoder.decode(b"", final=True)
