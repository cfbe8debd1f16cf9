"""The fast decoder: an array of ids to text."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.bpe.fast.compiling import entry
from llm_tokenizer.bpe.fast.instructions import Bytes, Integers, address_of, borrowed, load8, padded, signed, store8
from llm_tokenizer.interface import Tokenizer, TokenizerError


class FastDecoder:
    """Decodes as its tokenizer does, by compiled code.

    Why it works: all tokens lie one after the other in one array of bytes. A token is copied eight bytes at a time,
    whether it has as many or not; the next one overwrites what was too much.

    Args:
        tokenizer: Whose tokens to use, the special ones included.

    Spec: tokenizer.decode_bpe
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        if getattr(tokenizer, "prepend_scheme", "never") != "never":
            raise TokenizerError("tokenizer: must not put a space before a text; use its own decode, which removes it")
        tokens = [_bytes_or_empty(tokenizer, id) for id in range(tokenizer.vocab_size)]
        self._starts = np.cumsum([0, *map(len, tokens)])
        self._bytes = padded(b"".join(tokens))

    def decode(self, ids: Sequence[int] | NDArray[np.integer]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return str(self._joined(ids), "utf-8", errors="replace")

    def decode_bytes(self, ids: Sequence[int] | NDArray[np.integer]) -> bytes:
        """Return the bytes of the ids."""
        return bytes(self._joined(ids))

    def _joined(self, ids: Sequence[int] | NDArray[np.integer]) -> memoryview:
        numbers = _as_integers(ids)
        size = measure_tokens(numbers, self._starts)
        if size < 0:
            unknown, last = -1 - size, len(self._starts) - 2
            raise TokenizerError(f"ids[{unknown}]: must be the id of a token, from 0 to {last}, was {numbers[unknown]}")
        text = np.empty(size + 8, np.uint8)  # NumPy allocates, since it asks the system for large pages
        join_tokens(numbers, self._starts, self._bytes, text)
        return text[:size].data


def _as_integers(ids: Sequence[int] | NDArray[np.integer]) -> Integers:
    """Return the ids as an array of int64."""
    if isinstance(ids, (list, tuple)):
        try:
            # Four times faster than numpy's way, and than the array's own for numbers with a sign.
            return np.frombuffer(array("I", ids), np.uintc).astype(np.int64)
        except (TypeError, OverflowError):
            pass  # not whole numbers, or not ids: numpy takes them, and the place is named
    numbers = np.asarray(ids)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise TokenizerError(f"ids: must be a row of whole numbers, was {numbers.dtype} of shape {numbers.shape}")
    return np.ascontiguousarray(numbers, np.int64)


def _bytes_or_empty(tokenizer: Tokenizer, id: int) -> bytes:
    """Return the bytes of a token; empty where a published vocabulary leaves the id free."""
    try:
        return tokenizer.token_bytes(id)
    except TokenizerError:
        return b""


@entry
def measure_tokens(ids: Integers, starts: Integers) -> int:
    """Return how many bytes the ids have together; where the one at an index is unknown, -1 - the index."""
    ids, starts = borrowed(ids), borrowed(starts)
    size = 0
    for k in range(len(ids)):
        id = ids[k]
        if id < 0 or id >= len(starts) - 1 or starts[id] == starts[id + 1]:
            return -1 - k
        size += starts[id + 1] - starts[id]
    return size


@entry
def join_tokens(ids: Integers, starts: Integers, tokens: Bytes, text: Bytes) -> None:
    """Write the bytes of all ids to `text`, which has eight bytes to spare."""
    ids = borrowed(ids)
    source, target, bounds_of, at = address_of(tokens), address_of(text), address_of(starts), 0
    for k in range(len(ids)):
        bounds = bounds_of + 8 * ids[k]
        start = signed(load8(bounds, 0))
        end = at + signed(load8(bounds, 8)) - start
        while at < end:
            store8(target, at, load8(source, start))
            at += 8
            start += 8
        at = end
