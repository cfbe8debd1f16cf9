"""The learned merges as an open hash table: two ids in, the id of the token that they make out.

An entry is one integer: left id, right id and new id of 21 bits each. So a lookup reads memory once, and the merges of
a vocabulary of 50,000 tokens fit into a megabyte.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy import uint64

from llm_tokenizer.bpe.fast.compiling import entry, inlined
from llm_tokenizer.bpe.fast.hashing import NOTHING, hash_key
from llm_tokenizer.bpe.fast.instructions import Integers, signed
from llm_tokenizer.interface import TokenizerError

BITS = 21
MAX_IDS = 1 << BITS
NO_RANK = int(np.int32(0x7FFFFFFF))  # larger than every id
_EMPTY = -1


def pair_table(rank_of: Mapping[tuple[int, int], int]) -> Integers:
    """Return the table for these pairs and the id that each makes."""
    pairs = np.array([(*pair, made) for pair, made in rank_of.items()], np.int64).reshape(-1, 3)
    if pairs.size and pairs.max() >= MAX_IDS:
        raise TokenizerError(f"tokenizer: the fast encoder takes up to {MAX_IDS} tokens, was {pairs.max() + 1}")
    table = np.full(1 << (2 * len(pairs) + 16).bit_length(), _EMPTY, np.int64)
    fill_pairs(table, pairs)
    return table


@entry
def fill_pairs(table: Integers, pairs: Integers) -> None:
    """Put the pairs, one in a row with the id that it makes, into the empty table."""
    for k in range(len(pairs)):
        key = pairs[k, 0] << BITS | pairs[k, 1]
        slot = _first_slot(key, len(table))
        while table[slot] != _EMPTY:
            slot = (slot + 1) & (len(table) - 1)
        table[slot] = key << BITS | pairs[k, 2]


@inlined
def _first_slot(key: int, slots: int) -> int:
    return signed(hash_key(uint64(key), NOTHING)) & (slots - 1)


@inlined
def rank_of(table: Integers, left: int, right: int) -> int:
    """Return the id of the token that the two make; `NO_RANK` where they are never merged."""
    key = signed(left) << BITS | signed(right)
    slot = _first_slot(key, len(table))
    while True:
        found = signed(table[slot])
        if found >> BITS == key:
            return found & (MAX_IDS - 1)
        if found == _EMPTY:
            return NO_RANK
        slot = (slot + 1) & (len(table) - 1)
