"""Token ids to bytes and text: what is the same for all tokenizers, and text while it is being generated."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any

from llm_tokenizer.interface import Tokenizer, TokenizerError

MOST_GAPS = 1 << 16  # a published vocabulary leaves some dozens of ids free
_AT_ONCE = 1 << 13  # tokens; what is gathered together then fits into the processor's cache


class Vocabulary:
    """The bytes of every token.

    Args:
        tokens: Ordinary tokens, as a sequence numbered from 0 or by their ids.
        special_tokens: The ids of the special tokens by their text.
    """

    def __init__(self, tokens: Sequence[bytes] | Mapping[int, bytes], special_tokens: Mapping[str, int]) -> None:
        token_of = dict(tokens if isinstance(tokens, Mapping) else enumerate(tokens))
        for name, id in special_tokens.items():
            if id in token_of:
                raise TokenizerError(
                    f"special_tokens: {name!r} must have an id of its own, but {id} is the token {token_of[id]!r}"
                )
            token_of[id] = name.encode("utf-8")
        size = max(token_of, default=-1) + 1
        if size > len(token_of) + MOST_GAPS:
            raise TokenizerError(f"ids: must leave at most {MOST_GAPS} ids free, but the largest is {size - 1}")
        self.tokens: tuple[bytes, ...] = tuple(token_of.get(id, b"") for id in range(size))
        self._gaps = frozenset(range(size)) - token_of.keys() if size > len(token_of) else frozenset()
        self._arrays: tuple[Any, Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def token_bytes(self, id: int, argument: str = "id") -> bytes:
        """Return the bytes of one token; `argument` is its name in an error."""
        return self.tokens[self._require_id(argument, id)]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of all tokens, joined.

        Why it works:
            A token is a string of bytes, and encoding only ever split the text's bytes into such strings. Joining them
            undoes it. That must happen before the bytes become characters, since a character of several bytes may lie
            in two tokens.

        Spec: tokenizer.decode_bpe
        """
        if hasattr(ids, "dtype") and (known := self._gather(_as_array(ids))) is not None:
            return known
        row = list(ids)
        try:
            # To Python an index of -1 is the last token; here it is a mistake.
            if not row or (not self._gaps and min(row) >= 0):
                return b"".join(map(self.tokens.__getitem__, row))
        except (IndexError, TypeError):
            pass  # the next line finds out which id it was
        return b"".join(map(self.tokens.__getitem__, self.known_ids(row)))

    def known_ids(self, ids: Iterable[int]) -> list[int]:
        """Return ids of any array library as whole numbers, each of which has a token."""
        row = _as_array(ids).tolist() if hasattr(ids, "dtype") else list(ids)
        try:
            numbers = list(map(index, row))
            if not row or (min(numbers) >= 0 and max(numbers) < len(self) and self._gaps.isdisjoint(numbers)):
                return numbers
        except TypeError:
            pass  # the next line finds out which id it was
        return [self._require_id(f"ids[{place}]", id) for place, id in enumerate(row)]

    def _gather(self, ids: Any) -> bytes | None:
        """Return the bytes of a NumPy array of ids; None if one of them is not known.

        Why it works:
            The n-th byte of the text is some byte of the token that it lies in. So for every byte it is enough to
            repeat, over the length of its token, how far that token's end among all tokens lies behind its end in the
            text.
        """
        import numpy as np  # here, since it takes longer to import than this package

        if ids.dtype.kind not in "iu" or not len(ids) or ids.min() < 0 or ids.max() >= len(self):
            return None
        if self._gaps and not self._gaps.isdisjoint(ids.tolist()):
            return None
        if self._arrays is None:
            lengths = np.fromiter(map(len, self.tokens), np.int32, len(self))
            self._arrays = np.frombuffer(b"".join(self.tokens), np.uint8), lengths, lengths.cumsum(dtype=np.int32)
        data, lengths, ends = self._arrays
        parts = []
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE].astype(np.intp)
            length = lengths.take(some)
            places = np.repeat(ends.take(some) - length.cumsum(dtype=np.int32), length)
            places += np.arange(len(places), dtype=np.int32)
            parts.append(data.take(places, mode="clip").tobytes())  # all lie in data: testing each takes time
        return b"".join(parts)

    def _require_id(self, argument: str, id: int) -> int:
        try:
            number = index(id)
        except TypeError:
            number = -1
        if not 0 <= number < len(self):
            raise TokenizerError(f"{argument}: must be a whole number from 0 to {len(self) - 1}, was {id!r}")
        if number in self._gaps:
            raise TokenizerError(
                f"{argument}: must be the id of a token, but {id} is one that this vocabulary leaves free"
            )
        return number


def _as_array(ids: Any) -> Any:
    """Return ids of any array library, torch among them, as a NumPy array of one dimension."""
    from numpy import asarray  # here, since it takes longer to import than this package

    try:
        row = asarray(ids)
    except (TypeError, RuntimeError):  # a tensor of another device, or of a dtype that NumPy lacks
        row = asarray(ids.tolist())
    if row.ndim != 1:
        raise TokenizerError(f"ids: must be one row of ids, was an array of shape {row.shape}; decode row by row")
    return row


class IncrementalDecoder:
    """Decode ids as they come, as text that never ends in half a character.

    Why it works:
        A character of several bytes may lie in two tokens. What cannot be shown yet, at most three bytes, is held
        back until the rest arrives, so the parts joined are exactly what `decode` returns for all ids at once.
        Decoding each token alone would show `�` for both halves.

    A SentencePiece tokenizer puts a space before a text and removes it in decoding, and so does this decoder (see
    `SentencePieceTokenizer.prepend_scheme`).

    Args:
        tokenizer: Whose ids will come.
        continued: Whether the ids continue a text, such as a prompt: then a space at the beginning is a space of the
            text.

    Spec: tokenizer.stream_decode
    """

    def __init__(self, tokenizer: Tokenizer, *, continued: bool = False) -> None:
        self._tokenizer = tokenizer
        scheme = getattr(tokenizer, "prepend_scheme", "never")
        self._special = frozenset(tokenizer.special_tokens.values())
        self._added_space = scheme != "never" and not continued  # before the token that comes next
        self._after_special = scheme == "always"
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._finished = False

    def feed(self, id: int) -> str:
        """Return the text that this token completes; empty while a character is still unfinished."""
        if self._finished:
            raise TokenizerError("IncrementalDecoder: was finished already; make a new one for the next text")
        data = self._tokenizer.token_bytes(id)
        is_special = index(id) in self._special
        if self._added_space and not is_special:
            data = data.removeprefix(b" ")
        self._added_space = is_special and self._after_special
        text = self._decoder.decode(data)
        held = self._decoder.getstate()[0]
        if held[:1] == b"\xed" and held[1:2] >= b"\xa0":  # half a surrogate pair, which Python waits for in vain
            text += self._decoder.decode(b"", final=True)
        return text

    def finish(self) -> str:
        """Return what is left at the end: empty, or U+FFFD for a character that was never completed."""
        self._finished = True
        return self._decoder.decode(b"", final=True)
