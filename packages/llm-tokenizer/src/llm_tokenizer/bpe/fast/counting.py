"""Count the pre-tokens of texts: three quarters of the work of training.

One open hash table. A pre-token of up to 15 bytes is in its slot whole, so that a lookup reads one place in memory and
no other. The bytes of a longer one are in a store beside the table, and the slot says where.

    slot:   8 bytes | 7 bytes and the length            | count | –
    long:   hash    | position in the store and _LONG   | count | length
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy import uint64

from llm_tokenizer.bpe.counting import between_special
from llm_tokenizer.bpe.fast.blocks import blocks
from llm_tokenizer.bpe.fast.characters import kinds_of_characters
from llm_tokenizer.bpe.fast.compiling import entry, inlined
from llm_tokenizer.bpe.fast.edges import RULES, pre_token_end
from llm_tokenizer.bpe.fast.hashing import (
    NOTHING,
    ONE,
    SHORT_BYTES,
    TOP_BYTE,
    hash_bytes,
    hash_key,
    same_bytes,
    short_key,
)
from llm_tokenizer.bpe.fast.instructions import (
    PADDING,
    Address,
    Bytes,
    Integers,
    Words,
    address_of,
    borrowed,
    byte_at,
    padded,
    signed,
)
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.interface import require_texts
from llm_tokenizer.special import utf8

_LONG = uint64(0xFF) << TOP_BYTE


class PreTokenCounter:
    """Counts the pre-tokens of texts. `table` and `store` are as the module's docstring draws them."""

    def __init__(self, pattern: str) -> None:
        self._rule = RULES[find_pattern(pattern).name]
        self._kinds = kinds_of_characters()
        self.table: Words = np.zeros(4 << 14, np.uint64)
        self.store: Bytes = np.zeros(1 << 16, np.uint8)
        self._used: Integers = np.zeros(2, np.int64)  # slots of the table, bytes of the store

    def add(self, texts: Iterable[str], special_tokens: Sequence[str] = ()) -> None:
        """Count the pre-tokens of these texts, too, and nothing across a special token."""
        for text in require_texts("texts", texts):
            utf8(text, what="texts")  # where it cannot be encoded, the position is counted from its beginning
            for part in between_special(text, special_tokens):
                for block in blocks(part):
                    self.add_bytes(utf8(block), self._rule)

    def add_bytes(self, data: bytes, rule: int) -> None:
        """Count the pre-tokens that the rule of that number makes of the bytes."""
        text, start = padded(data), 0
        while True:
            start = count_bytes(text, start, len(data), rule, self._kinds, self.table, self.store, self._used)
            if start == len(data):
                return
            # NumPy allocates, since it asks the system for large pages
            if 8 * self._used[0] >= len(self.table):
                larger = np.zeros(2 * len(self.table), np.uint64)
                move_slots(self.table, larger)
                self.table = larger
            else:  # the store has no room for the next pre-token, which is at most what is left of the text
                self.store = np.concatenate([self.store, np.zeros(len(self.store) + len(text), np.uint8)])


@entry
def count_bytes(
    text: Bytes, start: int, end: int, rule: int, kinds: Bytes, table: Words, store: Bytes, used: Integers
) -> int:
    """Count the pre-tokens from `start` on; return where it stopped: at `end`, or where table or store are full."""
    at, kinds_at = address_of(text), address_of(kinds)
    table, store, used = borrowed(table), borrowed(store), borrowed(used)
    while start < end and 8 * used[0] < len(table):
        edge = pre_token_end(at, start, end, kinds_at, rule)
        length = edge - start
        if length <= SHORT_BYTES:
            _count_short(at, start, length, table, used)
        elif used[1] + length + PADDING > len(store):
            return start
        else:
            _count_long(at, start, length, table, store, used)
        start = edge
    return start


@inlined
def _slot_of(low: uint64, high: uint64, words: int) -> int:
    """Return where the slot in which a key is looked for first begins in a table of this many words."""
    return signed(hash_key(low, high) & uint64(words - 4))


@inlined
def _count_short(text: Address, start: int, length: int, table: Words, used: Integers) -> None:
    low, high = short_key(text, start, length)
    slot = _slot_of(low, high, len(table))
    while table[slot + 2] != NOTHING and (table[slot] != low or table[slot + 1] != high):
        slot = (slot + 4) & (len(table) - 1)
    if table[slot + 2] == NOTHING:
        table[slot], table[slot + 1] = low, high
        used[0] += 1
    table[slot + 2] += ONE


@inlined
def _count_long(text: Address, start: int, length: int, table: Words, store: Bytes, used: Integers) -> None:
    low = hash_bytes(text, start, length)
    slot = _slot_of(low, NOTHING, len(table))
    while table[slot + 2] != NOTHING and not (
        table[slot] == low
        and table[slot + 1] >= _LONG
        and table[slot + 3] == uint64(length)
        and same_bytes(text, start, address_of(store), signed(table[slot + 1] & ~_LONG), length)
    ):
        slot = (slot + 4) & (len(table) - 1)
    if table[slot + 2] == NOTHING:
        table[slot], table[slot + 1], table[slot + 3] = low, _LONG | uint64(used[1]), uint64(length)
        for k in range(length):
            store[used[1] + k] = byte_at(text, start + k)
        used[0] += 1
        used[1] += length
    table[slot + 2] += ONE


@entry
def move_slots(table: Words, larger: Words) -> None:
    """Put every pre-token into the larger table."""
    for old in range(0, len(table), 4):
        if table[old + 2] != NOTHING:
            high = NOTHING if table[old + 1] >= _LONG else table[old + 1]
            slot = _slot_of(table[old], high, len(larger))
            while larger[slot + 2] != NOTHING:
                slot = (slot + 4) & (len(larger) - 1)
            for word in range(4):
                larger[slot + word] = table[old + word]


@inlined
def length_at(table: Words, slot: int) -> int:
    """Return the bytes of the pre-token in the slot that begins there; 0 where it is empty."""
    return signed(table[slot + 3] if table[slot + 1] >= _LONG else table[slot + 1] >> TOP_BYTE)


@inlined
def pre_token_byte(table: Words, slot: int, store: Bytes, k: int) -> int:
    """Return the k-th byte of the pre-token in the slot that begins there."""
    if table[slot + 1] >= _LONG:
        return signed(store[signed(table[slot + 1] & ~_LONG) + k])
    return signed((table[slot + (k >> 3)] >> uint64(8 * (k & 7))) & uint64(0xFF))
