"""Text while it is being generated, token by token, and never half a character."""

from __future__ import annotations

import codecs

from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.interface import Tokenizer


class IncrementalDecoder:
    """Turns ids into text as they come.

    Why it works:
        A character of several bytes may lie in two tokens. What cannot be shown yet, at most three bytes, is held
        back until the rest arrives, so the parts in a row are exactly what `decode` gives for all ids at once.
        Decoding each token alone would show `�` for both halves.

    Spec: tokenizer.stream_decode
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._finished = False

    def feed(self, id: int) -> str:
        """The text that this token completes; empty while a character is still unfinished."""
        if self._finished:
            raise TokenizerError("IncrementalDecoder: was finished already; make a new one for the next text")
        text = self._decoder.decode(self._tokenizer.token_bytes(id))
        held = self._decoder.getstate()[0]
        if held[:1] == b"\xed" and held[1:2] >= b"\xa0":  # half a surrogate pair, which Python waits for in vain
            text += self._decoder.decode(b"", final=True)
        return text

    def finish(self) -> str:
        """What is left at the end: empty, or U+FFFD for a character that never became whole."""
        self._finished = True
        return self._decoder.decode(b"", final=True)
