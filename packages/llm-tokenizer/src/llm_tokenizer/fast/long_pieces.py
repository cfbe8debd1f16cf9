"""The merges of a piece of any length in time proportional to it: a word of a million letters is no danger."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llm_tokenizer.fast.compiling import Ids, Words, compiled, trailing_zeros
from llm_tokenizer.fast.memory import Memory
from llm_tokenizer.fast.pairs import NO_RANK, rank_of

_GONE = -1


class _Row(NamedTuple):
    """The tokens of a piece as a linked list, and the places that wait to be merged.

    `heads[rank]` is the first entry that waits for that rank, 0 for none; `marks` has a bit for each rank that has one.
    """

    tokens: Ids
    after: Ids
    before: Ids
    ranks: Ids  # of the pair that begins at each place
    entries: Ids  # (place, next entry); entry 0 is none
    state: Ids  # how many entries there are; the lowest word of `marks` that may have a bit
    heads: Ids
    marks: Words


@compiled
def merge_long(ids: Ids, memory: Memory) -> int:
    """Merge the bytes in `ids` in place; gives how many tokens are left there.

    Why it works: a merge makes a token that only later merges use, so the ranks that are taken hardly ever fall (in
    some published vocabularies they may), and places can wait in one bucket for each rank where a heap would have to
    sort them. Within a rank the order matters only where places overlap, as in `aaaa`: such a row is merged from its
    beginning, all at once.

    Spec: tokenizer.encode_bpe
    """
    length = len(ids)
    row = _Row(
        ids,
        np.arange(1, length + 1).astype(np.int32),
        np.arange(-1, length - 1).astype(np.int32),
        np.empty(length, np.int32),
        np.empty((3 * length + 1, 2), np.int32),
        np.zeros(2, np.int32),
        memory.heads,
        memory.marks,
    )
    for place in range(length):
        _look_up(row, place, memory)
    while row.state[1] < len(row.marks):
        word = row.state[1]
        if row.marks[word]:
            rank = (word << 6) + trailing_zeros(row.marks[word])
            row.marks[word] &= row.marks[word] - np.uint64(1)
            _merge_rank(row, rank, memory)
        else:
            row.state[1] += 1
    return _close_up(row)


@compiled
def _look_up(row: _Row, place: int, memory: Memory) -> None:
    """Find the rank of the pair at `place`, and let the place wait for it."""
    row.ranks[place] = NO_RANK
    if row.after[place] == len(row.tokens):
        return
    rank = rank_of(memory.pairs, row.tokens[place], row.tokens[row.after[place]])
    if rank == NO_RANK:
        return
    row.ranks[place] = rank
    row.state[0] += 1
    entry = row.state[0]
    row.entries[entry, 0] = place
    row.entries[entry, 1] = row.heads[rank]
    row.heads[rank] = entry
    row.state[1] = min(row.state[1], rank >> 6)
    row.marks[rank >> 6] |= np.uint64(1) << np.uint64(rank & 63)


@compiled
def _merge_rank(row: _Row, rank: int, memory: Memory) -> None:
    """Merge at every place that waits for this rank and still has it."""
    entry = row.heads[rank]
    row.heads[rank] = 0
    while entry:
        place = row.entries[entry, 0]
        while row.before[place] >= 0 and row.ranks[row.before[place]] == rank and row.ranks[place] == rank:
            place = row.before[place]
        while place < len(row.tokens) and row.ranks[place] == rank:
            _merge_at(row, place, rank, memory)
            place = row.after[place]
        entry = row.entries[entry, 1]


@compiled
def _merge_at(row: _Row, place: int, rank: int, memory: Memory) -> None:
    """Put the new token in the place of two, and look up the pairs to its left and right."""
    gone = row.after[place]
    following = row.after[gone]
    row.tokens[place] = rank
    row.tokens[gone] = _GONE
    row.ranks[gone] = NO_RANK
    row.after[place] = following
    if following < len(row.tokens):
        row.before[following] = place
    _look_up(row, place, memory)
    if row.before[place] >= 0:
        _look_up(row, row.before[place], memory)


@compiled
def _close_up(row: _Row) -> int:
    """Move the tokens together; gives how many there are."""
    count = 0
    for place in range(len(row.tokens)):
        if row.tokens[place] != _GONE:
            row.tokens[count] = row.tokens[place]
            count += 1
    return count
