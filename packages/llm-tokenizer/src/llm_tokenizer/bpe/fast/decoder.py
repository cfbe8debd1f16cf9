"""The fast decoder: an array of ids to text."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.bpe.fast.compiling import entry
from llm_tokenizer.bpe.fast.instructions import (
    Address,
    Integers,
    address_of,
    integers_at,
    load8,
    padded,
    signed,
    store8,
)
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
        numbers = _row_of_integers(ids)
        starts, last = address_of(self._starts), len(self._starts) - 2
        size = measure(address_of(numbers), len(numbers), starts, last)
        if size < 0:
            place = -1 - size
            raise TokenizerError(f"ids[{place}]: must be the id of a token, from 0 to {last}, was {numbers[place]}")
        text = np.empty(size + 8, np.uint8)
        join(address_of(numbers), len(numbers), starts, self._bytes, address_of(text))
        return text[:size].data


def _row_of_integers(ids: Sequence[int] | NDArray[np.integer]) -> Integers:
    if isinstance(ids, (list, tuple)):
        try:
            # Four times sooner than numpy's way, and than the array's own for numbers with a sign.
            return np.frombuffer(array("I", ids), np.uintc).astype(np.int64)
        except (TypeError, OverflowError):
            pass  # no whole numbers, or none that is an id: numpy takes them, and the place is named
    numbers = np.asarray(ids)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise TokenizerError(f"ids: must be a row of whole numbers, was {numbers.dtype} of shape {numbers.shape}")
    return np.ascontiguousarray(numbers, np.int64)


def _bytes_or_none(tokenizer: Tokenizer, id: int) -> bytes:
    """The bytes of a token; none at all where a published vocabulary leaves the id free."""
    try:
        return tokenizer.token_bytes(id)
    except TokenizerError:
        return b""


@entry
def measure(ids: Address, count: int, starts: Address, last: int) -> int:
    """How many bytes the ids have together; where the one at `place` is unknown, -1 - `place`."""
    numbers, begins = integers_at(ids, count), integers_at(starts, last + 2)
    size = 0
    for place in range(count):
        id = numbers[place]
        if id < 0 or id > last or begins[id] == begins[id + 1]:
            return -1 - place
        size += begins[id + 1] - begins[id]
    return size


@entry
def join(ids: Address, count: int, starts: Address, tokens: Address, text: Address) -> int:
    """Write the bytes of all ids to `text`, which has eight bytes to spare."""
    place = 0
    for k in range(count):
        begin = starts + 8 * signed(load8(ids, 8 * k))
        source, until = signed(load8(begin, 0)), signed(load8(begin, 8))
        end = place + until - source
        while place < end:
            store8(text, place, load8(tokens, source))
            place += 8
            source += 8
        place = end
    return place
