"""The merges of one piece, compiled: `merging.py` of the package, once for words and once for pieces of any length."""

from __future__ import annotations

import numpy as np

from llm_tokenizer.fast.buckets import put, take_lowest
from llm_tokenizer.fast.compiling import Ids, Integers, compiled
from llm_tokenizer.fast.pairs import MOST_IDS, NO_RANK, rank_of

LONG_PIECE = 100  # bytes


@compiled
def merge_in_place(ids: Ids, first: int, length: int, pairs: Integers) -> int:
    """Merge the bytes that stand in `ids[first : first + length]`; gives how many tokens are left there."""
    if length < LONG_PIECE:
        return merge_short(ids, first, length, pairs)
    return merge_long(ids, first, length, pairs)


@compiled
def merge_short(ids: Ids, first: int, length: int, pairs: Integers) -> int:
    """Replace the pair that was learned first, the leftmost of equals, until no learned pair is left.

    After a replacement only the two pairs around it are looked up again.

    Spec: tokenizer.encode_bpe
    """
    ranks = np.empty(LONG_PIECE, np.int32)
    for k in range(length - 1):
        ranks[k] = rank_of(pairs, ids[first + k], ids[first + k + 1])
    while length > 1:
        best = 0
        for k in range(1, length - 1):
            if ranks[k] < ranks[best]:
                best = k
        if ranks[best] == NO_RANK:
            break
        ids[first + best] = ranks[best]
        length -= 1
        for k in range(best + 1, length):
            ids[first + k] = ids[first + k + 1]
            ranks[k - 1] = ranks[k]
        if best > 0:
            ranks[best - 1] = rank_of(pairs, ids[first + best - 1], ids[first + best])
        if best < length - 1:
            ranks[best] = rank_of(pairs, ids[first + best], ids[first + best + 1])
    return length


@compiled
def merge_long(ids: Ids, first: int, length: int, pairs: Integers) -> int:
    """The same in time proportional to the length, however long the piece.

    Why it works: a merge makes a token that only later merges use, so the ranks that are taken never fall, and places
    can wait in one bucket for each rank instead of in a heap. Within a rank the order matters only where a pair
    overlaps itself, as in `aaaa`: such a row of equal tokens is merged from its beginning, all at once.

    Spec: tokenizer.encode_bpe
    """
    after = np.arange(1, length + 1).astype(np.int32)
    before = np.arange(-1, length - 1).astype(np.int32)
    alive = np.ones(length, np.bool_)
    heads = np.full(MOST_IDS, -1, np.int32)
    levels = np.zeros((4, MOST_IDS >> 6), np.uint64)
    entries = np.empty((3 * length, 2), np.int32)
    used = 0
    for place in range(length - 2, -1, -1):
        rank = rank_of(pairs, ids[first + place], ids[first + place + 1])
        used = put(heads, levels, entries, used, rank, place)
    while True:
        rank = take_lowest(heads, levels)
        if rank < 0:
            break
    return length
