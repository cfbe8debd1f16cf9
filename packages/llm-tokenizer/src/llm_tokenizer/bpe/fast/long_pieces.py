"""The merges of a piece of any length in time proportional to it: a word of a million letters is no danger.

A long piece is merged in windows, so that all that is touched stays within the processor's caches. The end of a window
is not to be trusted, for what comes after it may change the tokens there. So the next window begins some way before
it, where a token begins, and must find the same token:

    window      [ab][c][abc][ab][c.. ]
    the next               [ab][cab][c][ab..
                           same token: what stands before it is kept, and the next window goes on from here

Why it works: a row of tokens is what merging makes of its bytes if and only if each two neighbours are what merging
makes of theirs, for the first merge across an edge would happen between those two alone as well. Neighbours in one
window are, and all that are neighbours in the end stood in one window: the token on which two agree is in both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.bpe.fast.compiling import compiled
from llm_tokenizer.bpe.fast.instructions import Address, Ids, byte_at, signed, trailing_zeros
from llm_tokenizer.bpe.fast.memory import WINDOW, Memory
from llm_tokenizer.bpe.fast.pairs import NO_RANK, rank_of

# The tokens of a piece as a linked list: four integers for each place where a token begins.
TOKEN, AFTER, BEFORE, RANK = range(4)  # the rank is that of the pair with the token after it

Row = NDArray[np.int32]
Waiting = NDArray[np.int32]  # entries of two: place, next entry. The first is for numbers of ours:
USED, LOWEST = range(2)  # entries in use so far, and the lowest word of `marks` that may have a mark

_TAIL = 512  # bytes at the end of a window that are merged again in the next: longer than what the end changes
_ANY = -1


@compiled
def merge_long(text: Address, place: int, ids: Ids, memory: Memory) -> int:
    """Write the tokens of the bytes from `place` on, as many as `ids` has room for; gives how many tokens they are.

    The answer is -1 where two windows did not agree: then it needs scratch for the whole piece.

    Spec: tokenizer.encode_bpe
    """
    length = len(ids)
    window = length if 4 * length <= len(memory.row) else WINDOW
    start = count = 0
    first = _ANY
    while True:
        size = min(window, length - start)
        row = memory.row[: 4 * size]
        _merge_row(text, place + start, row, memory)
        if first != _ANY and row[TOKEN] != first:
            return -1
        is_last = start + size == length
        edge = 0
        while edge < size if is_last else row[4 * edge + AFTER] <= size - _TAIL:
            ids[count] = row[4 * edge + TOKEN]
            count += 1
            edge = signed(row[4 * edge + AFTER])
        if is_last:
            return count
        if edge == 0:
            return -1
        first = signed(row[4 * edge + TOKEN])
        start += edge


@compiled
def _merge_row(text: Address, start: int, row: Row, memory: Memory) -> None:
    """Merge bytes in a row of their own.

    Why it works: a merge makes a token that only later merges use, so the ranks that are taken hardly ever fall (in
    some published vocabularies they may), and places can wait in one bucket for each rank where a heap would have to
    sort them. Within a rank the order matters only where places overlap, as in `aaaa`: such a row is merged from its
    beginning, all at once.

    `memory.heads` has the first entry that waits for each rank, 0 for none, and `memory.marks` a bit for each rank
    that has one. Both are empty again at the end.
    """
    length = len(row) // 4
    waiting, marks = memory.waiting, memory.marks
    for place in range(length):
        row[4 * place + TOKEN] = byte_at(text, start + place)
        row[4 * place + AFTER], row[4 * place + BEFORE] = place + 1, place - 1
    waiting[USED] = waiting[LOWEST] = 0
    for place in range(length):
        _look_up(row, place, waiting, memory)
    while waiting[LOWEST] < len(marks):
        word = signed(waiting[LOWEST])
        if marks[word]:
            rank = (word << 6) + trailing_zeros(marks[word])
            marks[word] &= marks[word] - np.uint64(1)
            _merge_rank(row, rank, waiting, memory)
        else:
            waiting[LOWEST] += 1


@compiled
def _look_up(row: Row, place: int, waiting: Waiting, memory: Memory) -> None:
    """Find the rank of the pair at `place`, and let the place wait for it."""
    after = row[4 * place + AFTER]
    rank = NO_RANK if after == len(row) // 4 else rank_of(memory.pairs, row[4 * place + TOKEN], row[4 * after + TOKEN])
    row[4 * place + RANK] = rank
    if rank == NO_RANK:
        return
    waiting[USED] += 1
    entry = waiting[USED]
    waiting[2 * entry] = place
    waiting[2 * entry + 1] = memory.heads[rank]
    memory.heads[rank] = entry
    memory.marks[rank >> 6] |= np.uint64(1) << np.uint64(rank & 63)
    waiting[LOWEST] = min(waiting[LOWEST], rank >> 6)


@compiled
def _merge_rank(row: Row, rank: int, waiting: Waiting, memory: Memory) -> None:
    """Merge at every place that waits for this rank and still has it."""
    entry = memory.heads[rank]
    memory.heads[rank] = 0
    while entry:
        place = waiting[2 * entry]
        entry = waiting[2 * entry + 1]
        if row[4 * place + RANK] != rank:
            continue
        while row[4 * place + BEFORE] >= 0 and row[4 * row[4 * place + BEFORE] + RANK] == rank:
            place = row[4 * place + BEFORE]
        while place < len(row) // 4 and row[4 * place + RANK] == rank:
            _merge_at(row, place, rank, waiting, memory)
            place = row[4 * place + AFTER]


@compiled
def _merge_at(row: Row, place: int, rank: int, waiting: Waiting, memory: Memory) -> None:
    """Put the new token in the place of two, and look up the pairs to its left and right."""
    gone = row[4 * place + AFTER]
    after = row[4 * gone + AFTER]
    row[4 * place + TOKEN], row[4 * place + AFTER] = rank, after
    row[4 * gone + RANK] = row[4 * place + RANK] = NO_RANK
    if after < len(row) // 4:
        row[4 * after + BEFORE] = place
    if after == len(row) // 4 or row[4 * after + RANK] != rank:  # else the next merge looks it up
        _look_up(row, place, waiting, memory)
    if row[4 * place + BEFORE] >= 0:
        _look_up(row, row[4 * place + BEFORE], waiting, memory)
