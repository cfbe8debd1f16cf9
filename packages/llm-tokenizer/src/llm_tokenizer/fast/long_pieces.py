"""The merges of a piece of any length in time proportional to it: a word of a million letters is no danger.

A token stands at the first and at the last of its bytes; what is between them is never looked at. So the one before it
ends one place to the left and the one after it begins where its own length says, and nothing links them: twelve bytes
of scratch for each byte of text, where links would need half as much again, and the processor's cache is small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.fast.compiling import compiled
from llm_tokenizer.fast.instructions import Ids, signed, trailing_zeros
from llm_tokenizer.fast.memory import Memory
from llm_tokenizer.fast.pairs import NO_RANK, rank_of

Waiting = NDArray[np.int32]  # entries of two: place, next entry. The first four integers are for numbers of ours:
USED, FREE, LOWEST = range(3)  # entries in use so far, the first of those given back, and
# the lowest word of `marks` that may have a mark
_FIRST_ENTRY = 2


@compiled
def merge_long(ids: Ids, memory: Memory) -> int:
    """Merge the bytes in `ids` in place; gives how many tokens are left there.

    Why it works: a merge makes a token that only later merges use, so the ranks that are taken hardly ever fall (in
    some published vocabularies they may), and places can wait in one bucket for each rank where a heap would have to
    sort them. Within a rank the order matters only where places overlap, as in `aaaa`: such a row is merged from its
    beginning, all at once.

    `memory.heads` has the first entry that waits for each rank, 0 for none, and `memory.marks` a bit for each rank
    that has one. Both are empty again at the end. `memory.row` has the rank of the pair that begins at each place.

    Spec: tokenizer.encode_bpe
    """
    length = len(ids)
    waiting, marks = memory.waiting, memory.marks
    waiting[USED], waiting[FREE], waiting[LOWEST] = _FIRST_ENTRY, 0, 0
    for place in range(length):
        _look_up(ids, place, waiting, memory)
    while waiting[LOWEST] < len(marks):
        word = signed(waiting[LOWEST])
        if marks[word]:
            rank = (word << 6) + trailing_zeros(marks[word])
            marks[word] &= marks[word] - np.uint64(1)
            _merge_rank(ids, rank, waiting, memory)
        else:
            waiting[LOWEST] += 1
    place = count = 0
    while place < length:
        token = ids[place]
        place += memory.lengths[token]
        ids[count] = token
        count += 1
    return count


@compiled
def _look_up(ids: Ids, place: int, waiting: Waiting, memory: Memory) -> None:
    """Find the rank of the pair at `place`, and let the place wait for it."""
    after = place + memory.lengths[ids[place]]
    rank = NO_RANK if after == len(ids) else rank_of(memory.pairs, ids[place], ids[after])
    memory.row[place] = rank
    if rank == NO_RANK:
        return
    entry = waiting[FREE]
    if entry:
        waiting[FREE] = waiting[2 * entry + 1]
    else:
        entry = waiting[USED]
        waiting[USED] += 1
    waiting[2 * entry] = place
    waiting[2 * entry + 1] = memory.heads[rank]
    memory.heads[rank] = entry
    memory.marks[rank >> 6] |= np.uint64(1) << np.uint64(rank & 63)
    waiting[LOWEST] = min(waiting[LOWEST], rank >> 6)


@compiled
def _merge_rank(ids: Ids, rank: int, waiting: Waiting, memory: Memory) -> None:
    """Merge at every place that waits for this rank and still has it."""
    row, lengths = memory.row, memory.lengths
    entry = memory.heads[rank]
    memory.heads[rank] = 0
    while entry:
        place, following = signed(waiting[2 * entry]), waiting[2 * entry + 1]
        waiting[2 * entry + 1] = waiting[FREE]
        waiting[FREE] = entry
        entry = following
        if row[place] != rank:
            continue
        while place > 0 and row[place - lengths[ids[place - 1]]] == rank:
            place -= lengths[ids[place - 1]]
        while place < len(ids) and row[place] == rank:
            place = _merge_at(ids, place, rank, waiting, memory)


@compiled
def _merge_at(ids: Ids, place: int, rank: int, waiting: Waiting, memory: Memory) -> int:
    """Put the new token in the place of two, and look up the pairs to its left and right; gives where it ends."""
    row, lengths = memory.row, memory.lengths
    gone = place + lengths[ids[place]]
    end = gone + lengths[ids[gone]]
    ids[place] = ids[end - 1] = rank
    row[place] = row[gone] = NO_RANK
    if place > 0:
        _look_up(ids, place - lengths[ids[place - 1]], waiting, memory)
    if end == len(ids) or row[end] != rank:  # else the next merge looks it up
        _look_up(ids, place, waiting, memory)
    return end
