"""The merges of a piece of any length in time proportional to it: a word of a million letters is no danger."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.fast.compiling import Ids, compiled, signed, trailing_zeros
from llm_tokenizer.fast.memory import Memory
from llm_tokenizer.fast.pairs import NO_RANK, rank_of

# The tokens of a piece as a linked list, a row for each place where a token begins.
TOKEN, AFTER, BEFORE, RANK = range(4)  # the rank is that of the pair with the token after it
_GONE = -1

Row = NDArray[np.int32]
Waiting = NDArray[np.int32]  # (place, next entry); row 0 holds how many there are and the lowest word with a mark


@compiled
def merge_long(ids: Ids, memory: Memory) -> int:
    """Merge the bytes in `ids` in place; gives how many tokens are left there.

    Why it works: a merge makes a token that only later merges use, so the ranks that are taken hardly ever fall (in
    some published vocabularies they may), and places can wait in one bucket for each rank where a heap would have to
    sort them. Within a rank the order matters only where places overlap, as in `aaaa`: such a row is merged from its
    beginning, all at once.

    `memory.heads` has the first entry that waits for each rank, 0 for none, and `memory.marks` a bit for each rank
    that has one. Both are empty again at the end.

    Spec: tokenizer.encode_bpe
    """
    length = len(ids)
    row = np.empty((length, 4), np.int32)
    for place in range(length):
        row[place, TOKEN], row[place, AFTER], row[place, BEFORE] = ids[place], place + 1, place - 1
    waiting = np.empty((3 * length + 1, 2), np.int32)
    waiting[0] = 0
    for place in range(length):
        _look_up(row, place, waiting, memory)
    marks = memory.marks
    while waiting[0, 1] < len(marks):
        word = signed(waiting[0, 1])
        if marks[word]:
            rank = (word << 6) + trailing_zeros(marks[word])
            marks[word] &= marks[word] - np.uint64(1)
            _merge_rank(row, rank, waiting, memory)
        else:
            waiting[0, 1] += 1
    count = 0
    for place in range(length):
        if row[place, TOKEN] != _GONE:
            ids[count] = row[place, TOKEN]
            count += 1
    return count


@compiled
def _look_up(row: Row, place: int, waiting: Waiting, memory: Memory) -> None:
    """Find the rank of the pair at `place`, and let the place wait for it."""
    after = row[place, AFTER]
    rank = NO_RANK if after == len(row) else rank_of(memory.pairs, row[place, TOKEN], row[after, TOKEN])
    row[place, RANK] = rank
    if rank == NO_RANK:
        return
    waiting[0, 0] += 1
    entry = waiting[0, 0]
    waiting[entry, 0] = place
    waiting[entry, 1] = memory.heads[rank]
    memory.heads[rank] = entry
    memory.marks[rank >> 6] |= np.uint64(1) << np.uint64(rank & 63)
    waiting[0, 1] = min(waiting[0, 1], rank >> 6)


@compiled
def _merge_rank(row: Row, rank: int, waiting: Waiting, memory: Memory) -> None:
    """Merge at every place that waits for this rank and still has it."""
    entry = memory.heads[rank]
    memory.heads[rank] = 0
    while entry:
        place = waiting[entry, 0]
        entry = waiting[entry, 1]
        if row[place, RANK] != rank:
            continue
        while row[place, BEFORE] >= 0 and row[row[place, BEFORE], RANK] == rank:
            place = row[place, BEFORE]
        while place < len(row) and row[place, RANK] == rank:
            _merge_at(row, place, rank, waiting, memory)
            place = row[place, AFTER]


@compiled
def _merge_at(row: Row, place: int, rank: int, waiting: Waiting, memory: Memory) -> None:
    """Put the new token in the place of two, and look up the pairs to its left and right."""
    gone = row[place, AFTER]
    after = row[gone, AFTER]
    row[place, TOKEN], row[place, AFTER] = rank, after
    row[gone, TOKEN], row[gone, RANK] = _GONE, NO_RANK
    if after < len(row):
        row[after, BEFORE] = place
    _look_up(row, place, waiting, memory)
    if row[place, BEFORE] >= 0:
        _look_up(row, row[place, BEFORE], waiting, memory)
