"""The merges of one piece, compiled: the counterpart of `merging.py` in the package."""

from __future__ import annotations

from llm_tokenizer.fast.compiling import Ids, compiled
from llm_tokenizer.fast.long_pieces import merge_long
from llm_tokenizer.fast.memory import Memory
from llm_tokenizer.fast.pairs import NO_RANK, rank_of

LONG_PIECE = 100  # bytes; from here on `merge_long` is quicker


@compiled
def merge_in_place(ids: Ids, first: int, length: int, memory: Memory) -> int:
    """Merge the bytes that stand in `ids[first : first + length]`; gives how many tokens are left there."""
    if length < LONG_PIECE:
        return merge_short(ids, first, length, memory)
    return merge_long(ids[first : first + length], memory)


@compiled
def merge_short(ids: Ids, first: int, length: int, memory: Memory) -> int:
    """Replace the pair that was learned first, the leftmost of equals, until no learned pair is left.

    After a replacement only the two pairs around it are looked up again.

    Spec: tokenizer.encode_bpe
    """
    pairs, ranks = memory.pairs, memory.ranks
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
