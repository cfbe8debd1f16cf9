"""What the encoder remembers: the ids of pieces that came before, in tables that never grow.

Each table works as the cache of a processor does. A piece may stand in one of two neighbouring slots and nowhere else,
so a look costs the same however full it is, and a text of any length takes the same memory: a new piece moves
into the first of its two slots, and what stood there into the second.

    short   up to 15 bytes and 3 ids     key, key and length | id, id | id, how many
    long    up to 63 bytes and 15 ids    7 × key, key and length | 7 × two ids | id, how many

A slot is a power of two of bytes, so that both slots lie side by side in the processor's cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import uint64

from llm_tokenizer.fast.compiling import Bytes, Ids, Integers, Words, compiled, load8, signed

SHORT_SLOTS = 1 << 18
LONG_SLOTS = 1 << 17
SHORT_BYTES = 15
LONG_BYTES = 63

_SPREAD = uint64(0x9E3779B97F4A7C15)
_SPREAD_TOO = uint64(0xC2B2AE3D27D4EB4F)
_LOW_HALF = uint64(0xFFFFFFFF)
_HALF = uint64(32)
_TOP_BYTE = uint64(56)
# The lowest n bytes of a word.
_LOWEST = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)


class Memory(NamedTuple):
    """All tables of one thread."""

    pairs: Integers  # the merges, see `pairs.py`; the same table for all threads
    short: Words
    long: Words
    ranks: Ids  # scratch of `merging.py`
    heads: Ids  # scratch of `long_pieces.py`: always all zero between two pieces
    marks: Words  # the same


def new_memory(pairs: Integers, vocabulary: int) -> Memory:
    """Empty tables. The system gives real memory only for the slots that are used."""
    return Memory(
        pairs=pairs,
        short=np.zeros((SHORT_SLOTS, 4), np.uint64),
        long=np.zeros((LONG_SLOTS, 16), np.uint64),
        ranks=np.zeros(128, np.int32),
        heads=np.zeros(vocabulary + 1, np.int32),
        marks=np.zeros((vocabulary >> 6) + 1, np.uint64),
    )


@compiled
def key_word(text: Bytes, place: int, length: int, word: int, words: int) -> uint64:
    """One of the `words` integers that a piece makes: its bytes, zeros after them, its length at the very end."""
    left = min(max(length - 8 * word, 0), 8)
    key: uint64 = load8(text, place + 8 * word) & _LOWEST[left]
    if word == words - 1:
        key |= uint64(length) << _TOP_BYTE
    return key


@compiled
def first_slot(low: uint64, high: uint64, slots: int) -> int:
    """The first of the two slots of a key."""
    mixed = (low ^ (high * _SPREAD_TOO)) * _SPREAD
    return signed((mixed >> _HALF) & uint64(slots - 2))


@compiled
def recall_short(text: Bytes, place: int, length: int, table: Words, ids: Ids, filled: int) -> int:
    """Write the ids of a piece of up to 15 bytes and give how many they are; 0 where the table has not got them.

    All three are written whether or not there are so many: that is quicker than to ask.
    """
    low, high = key_word(text, place, length, 0, 2), key_word(text, place, length, 1, 2)
    slot = first_slot(low, high, len(table))
    if table[slot, 0] != low or table[slot, 1] != high:
        slot += 1
        if table[slot, 0] != low or table[slot, 1] != high:
            return 0
    pair, last = table[slot, 2], table[slot, 3]
    ids[filled] = pair & _LOW_HALF
    ids[filled + 1] = pair >> _HALF
    ids[filled + 2] = last & _LOW_HALF
    return signed(last >> _HALF)


@compiled
def recall_long(text: Bytes, place: int, length: int, table: Words, ids: Ids, filled: int) -> int:
    """The same for a piece of up to 63 bytes."""
    slot = _long_slot(text, place, length, len(table))
    if not _holds(text, place, length, table, slot):
        slot += 1
        if not _holds(text, place, length, table, slot):
            return 0
    count = signed(table[slot, 15] >> _HALF)
    for k in range((count + 1) >> 1):
        pair = table[slot, 8 + k]
        ids[filled + 2 * k] = pair & _LOW_HALF
        ids[filled + 2 * k + 1] = pair >> _HALF
    return count


@compiled
def remember(text: Bytes, place: int, length: int, memory: Memory, ids: Ids, filled: int, count: int) -> None:
    """Keep the `count` ids at `ids[filled]` for the next time; a piece too long for either table is let go."""
    if length <= SHORT_BYTES and count <= 3:
        table, words = memory.short, 2
        low, high = key_word(text, place, length, 0, 2), key_word(text, place, length, 1, 2)
        slot = first_slot(low, high, len(table))
    elif length <= LONG_BYTES and count <= 15:
        table, words = memory.long, 8
        slot = _long_slot(text, place, length, len(table))
    else:
        return
    table[slot + 1] = table[slot]
    for word in range(words):
        table[slot, word] = key_word(text, place, length, word, words)
        table[slot, words + word] = uint64(0)
    for k in range(count):
        table[slot, words + (k >> 1)] |= uint64(ids[filled + k]) << uint64(32 * (k & 1))
    table[slot, 2 * words - 1] |= uint64(count) << _HALF


@compiled
def _long_slot(text: Bytes, place: int, length: int, slots: int) -> int:
    mixed = uint64(length)
    for word in range((length + 7) >> 3):
        mixed = (mixed ^ key_word(text, place, length, word, 8)) * _SPREAD
        mixed ^= mixed >> _HALF
    return first_slot(mixed, mixed, slots)


@compiled
def _holds(text: Bytes, place: int, length: int, table: Words, slot: int) -> bool:
    """Whether that slot of the long table holds this piece."""
    if table[slot, 7] >> _TOP_BYTE != uint64(length):
        return False
    for word in range((length + 7) >> 3):  # noqa: SIM110 (numba compiles no generator)
        if table[slot, word] != key_word(text, place, length, word, 8):
            return False
    return True
