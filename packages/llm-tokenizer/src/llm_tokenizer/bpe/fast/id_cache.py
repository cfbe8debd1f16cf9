"""The encoder's cache: the ids of pre-tokens that came before, in tables that never grow.

Each table works as the cache of a processor does. A pre-token may be in one of two neighboring slots and nowhere else,
so a lookup costs the same however full the table is, and a text of any length takes the same memory: a new pre-token
moves into the first of its two slots, and what was there into the second.

    short   up to 15 bytes and 5 ids     2 words of key, 2 words of ids
    long    up to 63 bytes and ids       8 words of key, 24 words of ids

A word is an integer of 64 bits. The key is the bytes of the pre-token, zeros after them, and its length at the very
end. A word of ids holds three, 21 bits each; the last one of a slot holds two and how many there are in all.
Both slots of a short pre-token are one line of the processor's cache: to find it costs one access to memory, and the
encoder announces that many pre-tokens ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import uint64

from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.hashing import (
    NOTHING,
    SHORT_BYTES,
    TOP_BYTE,
    hash_bytes,
    hash_key,
    low_bytes,
    same_bytes,
    short_key,
)
from llm_tokenizer.bpe.fast.instructions import Address, Ids, Integers, Words, address_of, load8, signed, store4

SHORT_SLOTS = 1 << 18
LONG_SLOTS = 1 << 16
LONG_BYTES = 63
SHORT_WORDS = 4
LOOKUPS = 64  # pre-tokens that are looked up together
WINDOWED_FROM = 100  # bytes; from here on `merge_windows` is quicker than `merge_short`
_LONG_WORDS = 32
_LINE = 64  # bytes that the processor takes from memory at once
_SHORT_IDS = 5
_ID_BITS = uint64(21)
_ID = uint64((1 << 21) - 1)
_TWO_IDS = uint64(42)


class Tables(NamedTuple):
    """What one thread encodes with."""

    pairs: Integers  # the merges, see `pairs.py`; the same table for all threads
    published: Ids  # the published id of each token, in the order of merging; the same for all threads
    short: Words
    long: Words
    batch: Words  # scratch of `writing.py`: four words for each pre-token
    ranks: Ids  # scratch of `merging.py`
    heads: Ids  # scratch of `merging.py`: always all zero between two pre-tokens
    marks: Words  # the same


def new_tables(pairs: Integers, published: Ids) -> Tables:
    """Return empty tables. The system provides real memory only for what is used."""
    words = np.zeros(SHORT_SLOTS * SHORT_WORDS + _LINE // 8, np.uint64)
    start = -words.ctypes.data % _LINE // 8  # a line of the cache begins here
    return Tables(
        pairs,
        published,
        words[start : start + SHORT_SLOTS * SHORT_WORDS],
        np.zeros(LONG_SLOTS * _LONG_WORDS, np.uint64),
        np.zeros(4 * LOOKUPS, np.uint64),
        np.zeros(WINDOWED_FROM, np.int32),
        np.zeros(len(published) + 1, np.int32),
        np.zeros((len(published) >> 6) + 1, np.uint64),
    )


@inlined
def first_slot(low: uint64, high: uint64, slots: int) -> int:
    """Return the first of the two slots of a key."""
    return signed(hash_key(low, high) & uint64(slots - 2))


@inlined
def recall_short(low: uint64, high: uint64, slot: Address, ids: Address, filled: int) -> int:
    """Write the ids of a short pre-token and return how many they are; 0 where neither slot holds it.

    All five are written whether or not there are five: that is faster than a test for each.
    """
    if load8(slot, 0) != low or load8(slot, 8) != high:
        slot += 8 * SHORT_WORDS
        if load8(slot, 0) != low or load8(slot, 8) != high:
            return 0
    three, two = load8(slot, 16), load8(slot, 24)
    at = 4 * filled
    store4(ids, at, three & _ID)
    store4(ids, at + 4, (three >> _ID_BITS) & _ID)
    store4(ids, at + 8, three >> _TWO_IDS)
    store4(ids, at + 12, two & _ID)
    store4(ids, at + 16, (two >> _ID_BITS) & _ID)
    return signed(two >> _TWO_IDS)


@inlined
def recall_long(text: Address, start: int, length: int, table: Words, ids: Ids, filled: int) -> int:
    """Do the same for a pre-token of up to 63 bytes."""
    first = _long_slot(text, start, length, len(table))
    if not _holds(text, start, length, table, first):
        first += _LONG_WORDS
        if not _holds(text, start, length, table, first):
            return 0
    count = signed(table[first + _LONG_WORDS - 1] >> _TWO_IDS)
    for k in range(count):
        ids[filled + k] = (table[first + 8 + k // 3] >> uint64(21 * (k % 3))) & _ID
    return count


@inlined
def remember(text: Address, start: int, length: int, tables: Tables, ids: Ids) -> None:
    """Keep the ids for the next time; those of a pre-token of more than 63 bytes are not kept."""
    if length <= SHORT_BYTES and len(ids) <= _SHORT_IDS:
        low, high = short_key(text, start, length)
        first = SHORT_WORDS * first_slot(low, high, len(tables.short) // SHORT_WORDS)
        _free_slot(tables.short, first, SHORT_WORDS)
        tables.short[first], tables.short[first + 1] = low, high
        _fill_slot(tables.short, first + 2, first + SHORT_WORDS - 1, ids)
    elif length <= LONG_BYTES:
        first = _long_slot(text, start, length, len(tables.long))
        _free_slot(tables.long, first, _LONG_WORDS)
        for k in range(0, length, 8):
            tables.long[first + k // 8] = load8(text, start + k) & low_bytes(length - k)
        tables.long[first + 7] |= uint64(length) << TOP_BYTE
        _fill_slot(tables.long, first + 8, first + _LONG_WORDS - 1, ids)


@inlined
def _free_slot(table: Words, first: int, words: int) -> None:
    """Move what the first of two slots holds into the second."""
    for word in range(first, first + words):
        table[words + word] = table[word]
        table[word] = NOTHING


@inlined
def _fill_slot(table: Words, word: int, last: int, ids: Ids) -> None:
    for k in range(len(ids)):
        table[word + k // 3] |= uint64(ids[k]) << uint64(21 * (k % 3))
    table[last] |= uint64(len(ids)) << _TWO_IDS


@compiled
def _long_slot(text: Address, start: int, length: int, words: int) -> int:
    """Return where the first of the two slots of a long pre-token begins in a table of this many words."""
    mixed = hash_bytes(text, start, length)
    return _LONG_WORDS * first_slot(mixed, mixed, words // _LONG_WORDS)


@inlined
def _holds(text: Address, start: int, length: int, table: Words, first: int) -> bool:
    """Return whether the slot that begins there holds this pre-token."""
    if table[first + 7] >> TOP_BYTE != uint64(length):
        return False
    return same_bytes(text, start, address_of(table), 8 * first, length)
