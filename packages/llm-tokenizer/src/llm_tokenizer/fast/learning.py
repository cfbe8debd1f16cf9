"""Learning the merges from counted pieces, compiled: `learn_merges` of `training.py` on flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llm_tokenizer.fast.compiling import Ids, Integers, compiled
from llm_tokenizer.fast.heap import goes_before, pop, push
from llm_tokenizer.fast.rows import Row, count_pair, merge_pair, new_pair_at


class Tally(NamedTuple):
    """For the pairs that a new token makes on one side, by neighbour: all zero between two uses."""

    counts: Integers  # how often in the texts
    sizes: Integers  # at how many places
    ends: Integers  # up to where the list of its places is filled
    seen: Integers  # which neighbours there are


@compiled
def learn(row: Row, wanted: int, least: int) -> Integers:
    """The first `wanted` merges as rows (left, right), or fewer when no pair is left that stands `least` times.

    Why it works: the heap holds, for each pair, a count that is never too small, because a pair only loses places
    after the merge that brought it about. So counts need no upkeep: the pair on top is counted anew from the list of
    its places, and if it still goes before the next one, it is the most frequent.

    Args:
        row: The counted pieces. Of two pairs that are equally frequent the one with smaller numbers goes first.
        wanted: How many merges to learn at most.
        least: How often a pair must stand to be merged.

    Spec: tokenizer.train_bpe
    """
    lists = np.empty(3 * len(row.tokens), np.int32)  # each merge makes the row a token shorter and adds two places
    vocabulary = max(256 + wanted, 1 << 16)
    zeros = np.zeros((4, vocabulary), np.int64)
    tally = Tally(zeros[0], zeros[1], zeros[2], zeros[3])
    merges = np.empty((wanted, 2), np.int64)
    heap, size, used = first_pairs(row, lists, tally)
    made = 0
    while made < wanted and size > 0:
        stale, pair, first, length = pop(heap, size)
        size -= 1
        count, length = count_pair(row, pair, lists[first : first + length])
        if count == 0:
            continue
        if count < stale and size > 0 and not goes_before(count, pair, heap[0, 0], heap[0, 1]):
            heap = push(heap, size, count, pair, first, length)
            size += 1
            continue
        if count < least:
            break
        new = 256 + made
        length = merge_pair(row, pair, new, lists[first : first + length])
        for is_left in (False, True):
            heap, size, used = push_new_pairs(
                row, lists, lists[first : first + length], new, is_left, tally, heap, size, used
            )
        merges[made, 0], merges[made, 1] = pair >> 32, pair & 0xFFFFFFFF
        made += 1
    return merges[:made]


@compiled
def first_pairs(row: Row, lists: Ids, tally: Tally) -> tuple[Integers, int, int]:
    """The heap of all pairs of bytes, its size, and how much of `lists` is used: their places go there."""
    tokens, (counts, sizes, ends, _) = row.tokens, tally
    for place in range(1, len(tokens) - 1):
        if tokens[place] >= 0 and tokens[place + 1] >= 0:
            pair = tokens[place] << 8 | tokens[place + 1]
            counts[pair] += row.weights[place]
            sizes[pair] += 1
    used = 0
    for pair in range(1 << 16):
        ends[pair] = used
        used += sizes[pair]
    for place in range(1, len(tokens) - 1):
        if tokens[place] >= 0 and tokens[place + 1] >= 0:
            pair = tokens[place] << 8 | tokens[place + 1]
            lists[ends[pair]] = place
            ends[pair] += 1
    heap = np.empty((1 << 16, 4), np.int64)
    size = 0
    for pair in range(1 << 16):
        if sizes[pair]:
            number = (pair >> 8) << 32 | (pair & 0xFF)
            heap = push(heap, size, counts[pair], number, ends[pair] - sizes[pair], sizes[pair])
            size += 1
    counts[:] = 0
    sizes[:] = 0
    return heap, size, used


@compiled
def push_new_pairs(
    row: Row, lists: Ids, places: Ids, new: int, is_left: bool, tally: Tally, heap: Integers, size: int, used: int
) -> tuple[Integers, int, int]:
    """Count the pairs that the new token makes on one side and push them; the result is as in `first_pairs`.

    The places are walked through twice: to count them, and to put them into lists that lie side by side.
    """
    counts, sizes, ends, seen = tally
    kinds = 0
    for place in places:
        neighbour, at = new_pair_at(row, place, new, is_left)
        if neighbour >= 0:
            if sizes[neighbour] == 0:
                seen[kinds] = neighbour
                kinds += 1
            sizes[neighbour] += 1
            counts[neighbour] += row.weights[at]
    for neighbour in seen[:kinds]:
        ends[neighbour] = used
        used += sizes[neighbour]
    for place in places:
        neighbour, at = new_pair_at(row, place, new, is_left)
        if neighbour >= 0:
            lists[ends[neighbour]] = at
            ends[neighbour] += 1
    for neighbour in seen[:kinds]:
        pair = new << 32 | neighbour if is_left else neighbour << 32 | new
        heap = push(heap, size, counts[neighbour], pair, ends[neighbour] - sizes[neighbour], sizes[neighbour])
        size += 1
        counts[neighbour] = sizes[neighbour] = 0
    return heap, size, used
