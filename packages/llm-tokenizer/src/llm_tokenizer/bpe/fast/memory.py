"""What the encoder remembers: the ids of pieces that came before, in tables that never grow.

Each table works as the cache of a processor does. A piece may stand in one of two neighbouring slots and nowhere else,
so a look costs the same however full it is, and a text of any length takes the same memory: a new piece moves
into the first of its two slots, and what stood there into the second.

    short   up to 15 bytes and 5 ids     2 words of key, 2 words of ids
    long    up to 63 bytes and ids       8 words of key, 24 words of ids

A word is an integer of 64 bits. The key is the bytes of the piece, zeros after them, and its length at the very end.
A word of ids holds three, 21 bits each; the last one of a slot holds two and how many there are in all.
Both slots of a short piece are one line of the processor's cache: to find a piece costs one access to memory, and the
encoder announces it many pieces ahead.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import uint64
from numpy.typing import NDArray

from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.instructions import (
    Address,
    Ids,
    Integers,
    Words,
    address_of,
    ids_at,
    integers_at,
    load8,
    map_of,
    signed,
    store4,
    words_at,
)

SHORT_SLOTS = 1 << 18
LONG_SLOTS = 1 << 16
SHORT_BYTES = 15
LONG_BYTES = 63
LONG_PIECE = 100  # bytes; from here on `merge_long` is quicker than `merge_short`
WINDOW = 1 << 14  # bytes that `merge_long` merges together
SHORT_IDS = 5
BATCH = 64  # pieces that are looked up together
_LINE = 64  # bytes that the processor takes from memory at once
_SHORT_WORDS = 4
_LONG_WORDS = 32

_SPREAD = uint64(0x9E3779B97F4A7C15)
_SPREAD_TOO = uint64(0xC2B2AE3D27D4EB4F)
_ID_BITS = uint64(21)
_ID = uint64((1 << 21) - 1)
_TWO_IDS = uint64(42)
_HALF = uint64(32)
_TOP_BYTE = uint64(56)
_ONE = uint64(1)
_NOTHING = uint64(0)


class Memory(NamedTuple):
    """All tables of one thread, as compiled code sees them."""

    pairs: Integers  # the merges, see `pairs.py`; the same table for all threads
    published: Ids  # the id that is given out for each number; the same for all threads
    short: Address
    short_slots: int
    long: Words
    batch: Address  # scratch of `writing.py`: four words for each piece
    progress: Integers  # the same: where it goes on
    ranks: Ids  # scratch of `merging.py`
    heads: Ids  # scratch of `long_pieces.py`: always all zero between two pieces
    marks: Words  # the same
    row: Ids  # the same: room for one window, or for a longer piece that must be merged as a whole
    waiting: Ids  # the same


class Tables:
    """The memory of one thread, and what tells compiled code where it is."""

    def __init__(self, pairs: Integers, published: Ids) -> None:
        vocabulary = len(published)
        self._arrays: list[NDArray[Any]] = [
            pairs,
            published,
            _aligned(SHORT_SLOTS * _SHORT_WORDS),
            _aligned(LONG_SLOTS * _LONG_WORDS),
            np.zeros(BATCH * 4, np.uint64),
            np.zeros(3, np.int64),
            np.zeros(LONG_PIECE, np.int32),
            np.zeros(vocabulary + 1, np.int32),
            np.zeros((vocabulary >> 6) + 1, np.uint64),
        ]
        self.make_room(0)

    def make_room(self, length: int) -> None:
        """Make the scratch of `long_pieces.py` large enough to merge so many bytes as a whole."""
        length = max(length, WINDOW)
        self._scratch = [np.empty(4 * length, np.int32), np.empty(2 * (3 * length + 1), np.int32)]
        arrays = [*self._arrays, *self._scratch]
        self._map = map_of(arrays)
        self.address = address_of(self._map)

    def give_back(self) -> None:
        """Give scratch for more than a window back to the system."""
        if len(self._scratch[0]) > 4 * WINDOW:
            self.make_room(0)


def _aligned(words: int) -> Words:
    """Zeros, from the beginning of a line on. The system gives real memory only for what is used."""
    array: Words = np.zeros(words + _LINE // 8, np.uint64)
    start = -address_of(array) % _LINE // 8
    return array[start : start + words]


@compiled
def open_memory(address: Address) -> Memory:
    """The tables, from the map that `Tables` has drawn of them: address and size of each."""
    at = integers_at(address, 22)
    return Memory(
        integers_at(at[0], at[1]),
        ids_at(at[2], at[3]),
        at[4],
        at[5] // _SHORT_WORDS,
        words_at(at[6], at[7]),
        at[8],
        integers_at(at[10], at[11]),
        ids_at(at[12], at[13]),
        ids_at(at[14], at[15]),
        words_at(at[16], at[17]),
        ids_at(at[18], at[19]),
        ids_at(at[20], at[21]),
    )


@inlined
def short_key(text: Address, place: int, length: int) -> tuple[uint64, uint64]:
    """The key of a piece of up to 15 bytes."""
    low, high = load8(text, place), load8(text, place + 8)
    if length < 8:
        low, high = low & ((_ONE << uint64(8 * length)) - _ONE), _NOTHING
    else:
        high &= (_ONE << uint64(8 * length - 64)) - _ONE
    return low, high | uint64(length) << _TOP_BYTE


@inlined
def first_slot(low: uint64, high: uint64, slots: int) -> int:
    """The first of the two slots of a key."""
    mixed = (low ^ (high * _SPREAD_TOO)) * _SPREAD
    return signed((mixed >> _HALF) & uint64(slots - 2))


@inlined
def recall_short(low: uint64, high: uint64, slot: Address, ids: Address, filled: int) -> int:
    """Write the ids of a short piece and give how many they are; 0 where neither slot has got it.

    All five are written whether or not there are so many: that is quicker than to ask.
    """
    if load8(slot, 0) != low or load8(slot, 8) != high:
        slot += 8 * _SHORT_WORDS
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


@compiled
def recall_long(text: Address, place: int, length: int, table: Words, ids: Address, filled: int) -> int:
    """The same for a piece of up to 63 bytes."""
    first = _long_slot(text, place, length, len(table))
    if not _holds(text, place, length, table, first):
        first += _LONG_WORDS
        if not _holds(text, place, length, table, first):
            return 0
    count = signed(table[first + _LONG_WORDS - 1] >> _TWO_IDS)
    for k in range((count + 2) // 3):
        three = table[first + 8 + k]
        at = 4 * (filled + 3 * k)
        store4(ids, at, three & _ID)
        store4(ids, at + 4, (three >> _ID_BITS) & _ID)
        store4(ids, at + 8, (three >> _TWO_IDS) & _ID)
    return count


@compiled
def remember(text: Address, place: int, length: int, memory: Memory, ids: Ids) -> None:
    """Keep the ids for the next time; a piece of more than 63 bytes is let go."""
    if length <= SHORT_BYTES and len(ids) <= SHORT_IDS:
        low, high = short_key(text, place, length)
        slot = memory.short + 8 * _SHORT_WORDS * first_slot(low, high, memory.short_slots)
        _write_slot(words_at(slot, 2 * _SHORT_WORDS), text, place, length, 2, ids)
    elif length <= LONG_BYTES:
        first = _long_slot(text, place, length, len(memory.long))
        _write_slot(memory.long[first : first + 2 * _LONG_WORDS], text, place, length, 8, ids)


@compiled
def _write_slot(slots: Words, text: Address, place: int, length: int, keys: int, ids: Ids) -> None:
    """Write into the first of two slots, with so many words of key, what stood there into the second."""
    words = len(slots) // 2
    for word in range(words):
        slots[words + word] = slots[word]
        slots[word] = _key_word(text, place, length, word, keys) if word < keys else _NOTHING
    for k in range(len(ids)):
        slots[keys + k // 3] |= uint64(ids[k]) << uint64(21 * (k % 3))
    slots[words - 1] |= uint64(len(ids)) << _TWO_IDS


@compiled
def _key_word(text: Address, place: int, length: int, word: int, words: int) -> uint64:
    """One of the `words` integers of a key."""
    left = length - 8 * word
    key = load8(text, place + 8 * word) if left > 0 else _NOTHING
    if 0 < left < 8:
        key &= (_ONE << uint64(8 * left)) - _ONE
    if word == words - 1:
        key |= uint64(length) << _TOP_BYTE
    return key


@compiled
def _long_slot(text: Address, place: int, length: int, words: int) -> int:
    """Where the first of the two slots of a long piece begins in the table of so many words."""
    mixed = uint64(length)
    for word in range((length + 7) >> 3):
        mixed = (mixed ^ _key_word(text, place, length, word, 8)) * _SPREAD
        mixed ^= mixed >> _HALF
    return _LONG_WORDS * first_slot(mixed, mixed, words // _LONG_WORDS)


@compiled
def _holds(text: Address, place: int, length: int, table: Words, first: int) -> bool:
    """Whether the slot that begins there holds this piece."""
    if table[first + 7] >> _TOP_BYTE != uint64(length):
        return False
    for word in range((length + 7) >> 3):  # noqa: SIM110 (numba compiles no generator)
        if table[first + word] != _key_word(text, place, length, word, 8):
            return False
    return True
