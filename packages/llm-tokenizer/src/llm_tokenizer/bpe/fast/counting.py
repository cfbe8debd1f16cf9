"""How often each piece stands in the texts: the larger half of the work of training.

One open hash table. A piece of up to 15 bytes lies in its slot whole, so that finding it touches one place in memory
and no other. The bytes of a longer one lie in a store beside the table, and the slot says where.

    slot:   8 bytes | 7 bytes and the length         | count | –
    long:   hash    | place in the store and LONG    | count | length
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy import uint64

from llm_tokenizer.bpe.counting import between_special
from llm_tokenizer.bpe.fast.blocks import blocks
from llm_tokenizer.bpe.fast.characters import kinds_of_characters
from llm_tokenizer.bpe.fast.compiling import compiled, entry
from llm_tokenizer.bpe.fast.edges import RULES, piece_end
from llm_tokenizer.bpe.fast.instructions import (
    PADDING,
    Address,
    Bytes,
    Integers,
    Words,
    address_of,
    byte_at,
    bytes_at,
    integers_at,
    load8,
    padded,
    signed,
    words_at,
)
from llm_tokenizer.bpe.fast.memory import SHORT_BYTES, short_key
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import utf8

_SPREAD = uint64(0x9E3779B97F4A7C15)
_SPREAD_TOO = uint64(0xC2B2AE3D27D4EB4F)
_HALF = uint64(32)
_TOP_BYTE = uint64(56)
_LONG = uint64(0xFF) << _TOP_BYTE
_NOTHING = uint64(0)
_ONE = uint64(1)


class PieceCounter:
    """Counts the pieces of texts. `table` and `store` are as the module's docstring draws them."""

    def __init__(self, pattern: str) -> None:
        self._rule = RULES[find_pattern(pattern).name]
        self._kinds = kinds_of_characters()
        self.clear()

    def clear(self) -> None:
        """Forget all counts."""
        self.table: Words = np.zeros(4 << 14, np.uint64)
        self.store: Bytes = np.zeros(1 << 16, np.uint8)
        self.used: Integers = np.zeros(2, np.int64)  # slots of the table, bytes of the store

    def add(self, texts: Iterable[str], special_tokens: Sequence[str] = ()) -> None:
        """Count the pieces of these texts, too, and nothing across a special token."""
        if isinstance(texts, str):
            raise TokenizerError("texts: must be a collection of texts, was one string; put it into a list")
        for text in texts:
            utf8(text, what="texts")  # where it cannot be written, the place is counted from its beginning
            for part in between_special(text, special_tokens):
                for block in blocks(part):
                    self.add_bytes(utf8(block), self._rule)

    def add_bytes(self, data: bytes, rule: int) -> None:
        """Count the pieces that the rule of that number makes of the bytes."""
        text, end, kinds = padded(data), len(data), address_of(self._kinds)
        place = 0
        while True:
            table, store = (address_of(self.table), len(self.table)), (address_of(self.store), len(self.store))
            place = count_pieces(text, place, end, rule, kinds, *table, *store, address_of(self.used))
            if place == end:
                return
            if 8 * self.used[0] >= len(self.table):
                larger = np.zeros(2 * len(self.table), np.uint64)
                move_counts(*table, address_of(larger), len(larger))
                self.table = larger
            else:  # the store has no room for the next piece, which is at most what is left of the text
                self.store = np.concatenate([self.store, np.zeros(len(self.store) + len(text), np.uint8)])


@entry
def count_pieces(
    text: Address,
    place: int,
    end: int,
    rule: int,
    kinds: Address,
    table: Address,
    words: int,
    store: Address,
    room: int,
    used: Address,
) -> int:
    """Count the pieces from `place` on; gives where it stopped: at `end`, or before when table or store are full."""
    counts, kept, taken = words_at(table, words), bytes_at(store, room), integers_at(used, 2)
    while place < end and 8 * taken[0] < words:
        edge = piece_end(text, place, end, kinds, rule)
        if edge - place <= SHORT_BYTES:
            _count_short(text, place, edge - place, counts, taken)
        elif taken[1] + edge - place + PADDING > room:
            return place
        else:
            _count_long(text, place, edge - place, counts, kept, store, taken)
        place = edge
    return place


@compiled
def _slot_of(low: uint64, high: uint64, words: int) -> int:
    """Where the slot in which a key is looked for first begins in a table of so many words."""
    mixed = (low ^ (high * _SPREAD_TOO)) * _SPREAD
    return signed(((mixed >> _HALF) ^ mixed) & uint64(words - 4))


@compiled
def _count_short(text: Address, place: int, length: int, table: Words, used: Integers) -> None:
    low, high = short_key(text, place, length)
    slot = _slot_of(low, high, len(table))
    while table[slot + 2] != _NOTHING and (table[slot] != low or table[slot + 1] != high):
        slot = (slot + 4) & (len(table) - 1)
    if table[slot + 2] == _NOTHING:
        table[slot], table[slot + 1] = low, high
        used[0] += 1
    table[slot + 2] += _ONE


@compiled
def _count_long(
    text: Address, place: int, length: int, table: Words, store: Bytes, stored: Address, used: Integers
) -> None:
    low = uint64(length)
    for word in range((length + 7) >> 3):
        low = (low ^ load8(text, place + 8 * word) & _mask(length - 8 * word)) * _SPREAD
        low ^= low >> _HALF
    slot = _slot_of(low, _NOTHING, len(table))
    while table[slot + 2] != _NOTHING and (
        table[slot] != low or not _is_stored(text, place, length, table, slot, stored)
    ):
        slot = (slot + 4) & (len(table) - 1)
    if table[slot + 2] == _NOTHING:
        table[slot] = low
        table[slot + 1] = _LONG | uint64(used[1])
        table[slot + 3] = uint64(length)
        for k in range(length):
            store[used[1] + k] = byte_at(text, place + k)
        used[0] += 1
        used[1] += length
    table[slot + 2] += _ONE


@compiled
def _mask(length: int) -> uint64:
    return ~_NOTHING if length >= 8 else (_ONE << uint64(8 * length)) - _ONE


@compiled
def _is_stored(text: Address, place: int, length: int, table: Words, slot: int, store: Address) -> bool:
    """Whether that slot stands for this long piece."""
    if table[slot + 1] < _LONG or table[slot + 3] != uint64(length):
        return False
    at = signed(table[slot + 1] & ~_LONG)
    for word in range((length + 7) >> 3):
        if (load8(text, place + 8 * word) ^ load8(store, at + 8 * word)) & _mask(length - 8 * word):
            return False
    return True


@entry
def move_counts(small: Address, words: int, large: Address, more_words: int) -> int:
    """Put every piece into the larger table."""
    table, larger = words_at(small, words), words_at(large, more_words)
    for old in range(0, words, 4):
        if table[old + 2] != _NOTHING:
            high = _NOTHING if table[old + 1] >= _LONG else table[old + 1]
            slot = _slot_of(table[old], high, more_words)
            while larger[slot + 2] != _NOTHING:
                slot = (slot + 4) & (more_words - 1)
            for word in range(4):
                larger[slot + word] = table[old + word]
    return 0


@compiled
def piece_length(table: Words, slot: int) -> int:
    """The bytes of the piece in the slot that begins there."""
    return signed(table[slot + 3] if table[slot + 1] >= _LONG else table[slot + 1] >> _TOP_BYTE)


@compiled
def piece_byte(table: Words, slot: int, store: Bytes, k: int) -> int:
    """The k-th byte of the piece in the slot that begins there."""
    if table[slot + 1] >= _LONG:
        return signed(store[signed(table[slot + 1] & ~_LONG) + k])
    return signed((table[slot + (k >> 3)] >> uint64(8 * (k & 7))) & uint64(0xFF))
