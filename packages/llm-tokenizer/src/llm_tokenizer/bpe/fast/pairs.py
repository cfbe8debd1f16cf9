"""The learned merges as a hash table: two ids in, the id of the token that they make out.

An entry is one integer: left id, right id and new id of 21 bits each. So a question costs one look into memory, and the
merges of a vocabulary of 50,000 tokens fit into a megabyte.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from llm_tokenizer.bpe.fast.compiling import compiled, entry
from llm_tokenizer.bpe.fast.instructions import Address, Integers, address_of, integers_at, signed
from llm_tokenizer.interface import TokenizerError

BITS = 21
MOST_IDS = 1 << BITS
_EMPTY = -1
_NONE = np.int32(0x7FFFFFFF)
NO_RANK = int(_NONE)  # larger than every id
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: neighbours land far from each other


def pair_table(rank_of: Mapping[tuple[int, int], int]) -> Integers:
    """The table for these pairs and what each makes."""
    pairs = np.empty((len(rank_of), 3), np.int64)
    pairs[:, :2] = [*rank_of] or np.empty((0, 2))
    pairs[:, 2] = [*rank_of.values()]
    if pairs.size and pairs.max() >= MOST_IDS:
        raise TokenizerError(f"tokenizer: the fast encoder takes up to {MOST_IDS} tokens, was {pairs.max() + 1}")
    table = np.full(1 << (2 * len(pairs) + 16).bit_length(), _EMPTY, np.int64)
    _fill_pairs(address_of(table), len(table), address_of(pairs), len(pairs))
    return table


@compiled
def _slot(key: int, mask: int) -> int:
    return signed((np.uint64(key) * _SPREAD) >> np.uint64(32)) & mask


@entry
def _fill_pairs(table: Address, slots: int, pairs: Address, count: int) -> int:
    """Put the pairs, three integers each, into the empty table."""
    entries, source = integers_at(table, slots), integers_at(pairs, 3 * count)
    for k in range(count):
        key = source[3 * k] << BITS | source[3 * k + 1]
        slot = _slot(key, slots - 1)
        while entries[slot] != _EMPTY:
            slot = (slot + 1) & (slots - 1)
        entries[slot] = key << BITS | source[3 * k + 2]
    return 0


@compiled
def rank_of(table: Integers, left: int, right: int) -> int:
    """The id of the token that the two make; `NO_RANK` where they are never merged."""
    mask = len(table) - 1
    key = signed(left) << BITS | signed(right)
    slot = _slot(key, mask)
    while True:
        entry = signed(table[slot])
        if entry >> BITS == key:
            return entry & (MOST_IDS - 1)
        if entry == _EMPTY:
            return NO_RANK
        slot = (slot + 1) & mask
