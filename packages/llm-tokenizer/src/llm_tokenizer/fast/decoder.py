"""The fast decoder: an array of ids to text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.fast.compiling import Bytes, Integers, compiled, load8, padded, store8
from llm_tokenizer.interface import Tokenizer


class FastDecoder:
    """Decodes as its tokenizer does, by compiled code.

    Why it works: all tokens lie one after the other in one array of bytes. A token is copied eight bytes at a time,
    whether it has as many or not; the next one overwrites what was too much.

    Args:
        tokenizer: Whose tokens to use, the special ones included.

    Spec: tokenizer.decode_bpe
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokens = [_bytes_or_none(tokenizer, id) for id in range(tokenizer.vocab_size)]
        self._starts = np.cumsum([0, *map(len, tokens)])
        self._bytes = padded(b"".join(tokens))

    def decode(self, ids: Sequence[int] | NDArray[np.integer]) -> str:
        """The text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return str(self._joined(ids), "utf-8", errors="replace")

    def decode_bytes(self, ids: Sequence[int] | NDArray[np.integer]) -> bytes:
        """The bytes of the ids."""
        return bytes(self._joined(ids))

    def _joined(self, ids: Sequence[int] | NDArray[np.integer]) -> memoryview:
        array = np.asarray(ids)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise TokenizerError(f"ids: must be a row of whole numbers, was {array.dtype} of shape {array.shape}")
        array = np.ascontiguousarray(array, np.int64)
        size = measure(array, self._starts)
        if size < 0:
            place = -1 - size
            last = len(self._starts) - 2
            raise TokenizerError(f"ids[{place}]: must be the id of a token, from 0 to {last}, was {array[place]}")
        text = np.empty(size + 8, np.uint8)
        join(array, self._starts, self._bytes, text)
        return text[:size].data


def _bytes_or_none(tokenizer: Tokenizer, id: int) -> bytes:
    """The bytes of a token; none at all where a published vocabulary leaves the id free."""
    try:
        return tokenizer.token_bytes(id)
    except TokenizerError:
        return b""


@compiled
def measure(ids: Integers, starts: Integers) -> int:
    """How many bytes the ids have together; where the one at `place` is unknown, -1 - `place`."""
    size = 0
    for place, id in enumerate(ids):
        if id < 0 or id + 1 >= len(starts) or starts[id] == starts[id + 1]:
            return -1 - place
        size += starts[id + 1] - starts[id]
    return size


@compiled
def join(ids: Integers, starts: Integers, tokens: Bytes, text: Bytes) -> None:
    """Write the bytes of all ids into `text`, which has eight bytes to spare."""
    place = 0
    for id in ids:
        end = place + starts[id + 1] - starts[id]
        source = starts[id]
        while place < end:
            store8(text, place, load8(tokens, source))
            place += 8
            source += 8
        place = end
