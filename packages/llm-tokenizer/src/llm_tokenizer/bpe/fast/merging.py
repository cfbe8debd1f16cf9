"""The merges of a pre-token of any length, in time proportional to it: the counterpart of `bpe/encoding.py`.

A long pre-token is merged in windows, so that everything that is touched
stays within the processor's caches. The end of a window cannot be trusted, for what comes after it may change the
tokens there. So the next window begins some way before it, where a token begins, and must find the same token:

    window      [ab][c][abc][ab][c.. ]
    the next               [ab][cab][c][ab..
                           same token: what is before it is kept, and the next window continues from here

Why it works: a sequence of tokens is what merging makes of its bytes if and only if each two neighbors are what
merging makes of theirs, for the first merge across an edge would happen between those two alone as well. Neighbors in
one window are, and all that are neighbors in the end were in one window: the token on which two agree is in both.
"""

from __future__ import annotations

import numpy as np

from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.id_cache import WINDOWED_FROM, Tables
from llm_tokenizer.bpe.fast.instructions import Address, Ids, byte_at, signed, trailing_zeros
from llm_tokenizer.bpe.fast.pairs import NO_RANK, rank_of

WINDOW = 1 << 14  # bytes
_TAIL = 512  # bytes at the end of a window that are merged again in the next: longer than what the end changes
_ANY = -1

# The tokens of a window as a linked list: four integers for each byte at which a token begins.
_TOKEN, _AFTER, _BEFORE, _RANK = range(4)  # the rank is that of the pair with the token after it

# Those that wait for their rank, as linked lists: entries of two integers, byte and next entry. The first entry holds
_USED, _LOWEST = range(2)  # how many entries are in use, and the lowest word of `marks` that may have a mark


@compiled
def merge_bytes(text: Address, start: int, ids: Ids, tables: Tables) -> int:
    """Write the tokens of the bytes from `start` on, as many as `ids` has room for; return how many tokens they are."""
    if len(ids) >= WINDOWED_FROM:
        return merge_windows(text, start, ids, tables)
    for k in range(len(ids)):
        ids[k] = byte_at(text, start + k)
    return merge_short(ids, tables)


@inlined
def merge_short(ids: Ids, tables: Tables) -> int:
    """Replace the pair that was learned first, the leftmost of equals, until no learned pair is left.

    After a replacement only the two pairs around it are looked up again.

    Spec: tokenizer.encode_bpe
    """
    length, pairs, ranks = len(ids), tables.pairs, tables.ranks
    for k in range(length - 1):
        ranks[k] = rank_of(pairs, ids[k], ids[k + 1])
    while length > 1:
        best = 0
        for k in range(1, length - 1):
            if ranks[k] < ranks[best]:
                best = k
        if ranks[best] == NO_RANK:
            break
        ids[best] = ranks[best]
        length -= 1
        for k in range(best + 1, length):
            ids[k] = ids[k + 1]
            ranks[k - 1] = ranks[k]
        if best > 0:
            ranks[best - 1] = rank_of(pairs, ids[best - 1], ids[best])
        if best < length - 1:
            ranks[best] = rank_of(pairs, ids[best], ids[best + 1])
    return length


@compiled
def merge_windows(text: Address, start: int, ids: Ids, tables: Tables) -> int:
    """Write the tokens of the bytes from `start` on, as many as `ids` has room for; return how many tokens they are.

    Where two windows do not agree, all is merged in a single one.

    Spec: tokenizer.encode_bpe
    """
    count = _merge_in_windows(text, start, ids, min(len(ids), WINDOW), tables)
    return count if count >= 0 else _merge_in_windows(text, start, ids, len(ids), tables)


@compiled
def _merge_in_windows(text: Address, text_start: int, ids: Ids, window: int, tables: Tables) -> int:
    """Merge in windows of this many bytes; return how many tokens there are, -1 where two windows do not agree."""
    nodes, waiting = np.empty(4 * window, np.int32), np.empty(2 * (3 * window + 1), np.int32)
    start = count = 0
    first = _ANY
    while True:
        size = min(window, len(ids) - start)
        _merge_window(text, text_start + start, nodes[: 4 * size], waiting, tables)
        if first != _ANY and nodes[_TOKEN] != first:
            return -1
        is_last = start + size == len(ids)
        edge = 0
        while edge < size if is_last else nodes[4 * edge + _AFTER] <= size - _TAIL:
            ids[count] = nodes[4 * edge + _TOKEN]
            count += 1
            edge = signed(nodes[4 * edge + _AFTER])
        if is_last:
            return count
        if edge == 0:
            return -1
        first = signed(nodes[4 * edge + _TOKEN])
        start += edge


@inlined
def _merge_window(text: Address, start: int, nodes: Ids, waiting: Ids, tables: Tables) -> None:
    """Merge the bytes of one window.

    Why it works: a merge makes a token that only later merges use, so the ranks that are taken hardly ever fall (in
    some published vocabularies they may), and bytes can wait in one list for each rank where a heap would have to sort
    them. Within a rank the order matters only where pairs overlap, as in `aaaa`: such a run is merged from its
    beginning, all at once.

    `tables.heads` has the first entry that waits for each rank, 0 for none, and `tables.marks` a bit for each rank that
    has one. Both are empty again at the end.
    """
    size, marks = len(nodes) // 4, tables.marks
    for at in range(size):
        nodes[4 * at + _TOKEN] = byte_at(text, start + at)
        nodes[4 * at + _AFTER], nodes[4 * at + _BEFORE] = at + 1, at - 1
    waiting[_USED] = waiting[_LOWEST] = 0
    for at in range(size):
        _look_up(nodes, at, waiting, tables)
    while waiting[_LOWEST] < len(marks):
        word = signed(waiting[_LOWEST])
        if marks[word]:
            rank = (word << 6) + trailing_zeros(marks[word])
            marks[word] &= marks[word] - np.uint64(1)
            _merge_rank(nodes, rank, waiting, tables)
        else:
            waiting[_LOWEST] += 1


@inlined
def _look_up(nodes: Ids, at: int, waiting: Ids, tables: Tables) -> None:
    """Find the rank of the pair that begins at a byte, and let the byte wait for it."""
    after = nodes[4 * at + _AFTER]
    rank = NO_RANK
    if after != len(nodes) // 4:
        rank = rank_of(tables.pairs, nodes[4 * at + _TOKEN], nodes[4 * after + _TOKEN])
    nodes[4 * at + _RANK] = rank
    if rank == NO_RANK:
        return
    waiting[_USED] += 1
    entry = waiting[_USED]
    waiting[2 * entry] = at
    waiting[2 * entry + 1] = tables.heads[rank]
    tables.heads[rank] = entry
    tables.marks[rank >> 6] |= np.uint64(1) << np.uint64(rank & 63)
    waiting[_LOWEST] = min(waiting[_LOWEST], rank >> 6)


@inlined
def _merge_rank(nodes: Ids, rank: int, waiting: Ids, tables: Tables) -> None:
    """Merge wherever a byte waits for this rank and still has it."""
    entry = tables.heads[rank]
    tables.heads[rank] = 0
    while entry:
        at = waiting[2 * entry]
        entry = waiting[2 * entry + 1]
        if nodes[4 * at + _RANK] != rank:
            continue
        while nodes[4 * at + _BEFORE] >= 0 and nodes[4 * nodes[4 * at + _BEFORE] + _RANK] == rank:
            at = nodes[4 * at + _BEFORE]
        while at < len(nodes) // 4 and nodes[4 * at + _RANK] == rank:
            _merge_at(nodes, at, rank, waiting, tables)
            at = nodes[4 * at + _AFTER]


@inlined
def _merge_at(nodes: Ids, at: int, rank: int, waiting: Ids, tables: Tables) -> None:
    """Replace two tokens by the new one, and look up the pairs to its left and right."""
    gone = nodes[4 * at + _AFTER]
    after = nodes[4 * gone + _AFTER]
    nodes[4 * at + _TOKEN], nodes[4 * at + _AFTER] = rank, after
    nodes[4 * gone + _RANK] = nodes[4 * at + _RANK] = NO_RANK
    if after < len(nodes) // 4:
        nodes[4 * after + _BEFORE] = at
    if after == len(nodes) // 4 or nodes[4 * after + _RANK] != rank:  # else the next merge looks it up
        _look_up(nodes, at, waiting, tables)
    if nodes[4 * at + _BEFORE] >= 0:
        _look_up(nodes, nodes[4 * at + _BEFORE], waiting, tables)
