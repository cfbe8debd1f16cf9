"""Learning the merges from counted pieces, compiled: `learn_merges` of `training.py` on flat arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.bpe.fast.compiling import compiled, entry
from llm_tokenizer.bpe.fast.heap import goes_before, pop, push
from llm_tokenizer.bpe.fast.instructions import Address, Ids, Integers, address_of, ids_at, integers_at, map_of
from llm_tokenizer.bpe.fast.rows import Row, count_pair, merge_pair, new_pair_at

_BYTE_PAIRS = 1 << 16


class Tally(NamedTuple):
    """For the pairs that a new token makes on one side, by neighbour: all zero between two uses."""

    counts: Integers  # how often in the texts
    sizes: Integers  # at how many places
    ends: Integers  # up to where the list of its places is filled
    seen: Integers  # which neighbours there are


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
    places = 3 * len(row.tokens)  # each merge makes the row a token shorter and adds two places
    vocabulary = max(256 + wanted, _BYTE_PAIRS)
    lists, merges = np.empty(places, np.int32), np.empty((wanted, 2), np.int64)
    tally, progress = np.zeros(4 * vocabulary, np.int64), np.zeros(3, np.int64)  # progress: merges, heap's rows, places
    heap = np.empty(4 * (_BYTE_PAIRS + 2 * vocabulary), np.int64)
    arrays: list[NDArray[Any]] = [*row, lists, tally, merges, progress]
    given = map_of(arrays)
    while not learn_merges(address_of(given), address_of(heap), len(heap), wanted, least):
        heap = np.concatenate([heap, np.empty(len(heap), np.int64)])
    return merges[: progress[0]]


@entry
def learn_merges(given: Address, heap_address: Address, room: int, wanted: int, least: int) -> int:
    """Learn until all is learned, which gives 1, or the heap might be too small for the next merge, which gives 0."""
    at = integers_at(given, 16)
    row = Row(ids_at(at[0], at[1]), ids_at(at[2], at[3]), integers_at(at[4], at[5]), ids_at(at[6], at[7]))
    lists, merges, progress = ids_at(at[8], at[9]), integers_at(at[12], at[13]), integers_at(at[14], at[15])
    vocabulary = at[11] // 4
    tally = Tally(
        integers_at(at[10], vocabulary),
        integers_at(at[10] + 8 * vocabulary, vocabulary),
        integers_at(at[10] + 16 * vocabulary, vocabulary),
        integers_at(at[10] + 24 * vocabulary, vocabulary),
    )
    heap = integers_at(heap_address, room)
    made, size, used = progress[0], progress[1], progress[2]
    if used == 0:
        size, used = first_pairs(row, lists, tally, heap)
    while made < wanted and size > 0 and 4 * (size + 2 * (256 + made + 1)) <= room:
        stale, pair, first, length = pop(heap, size)
        size -= 1
        count, length = count_pair(row, pair, lists[first : first + length])
        if count == 0:
            continue
        if count < stale and size > 0 and not goes_before(count, pair, heap[0], heap[1]):
            push(heap, size, count, pair, first, length)
            size += 1
            continue
        if count < least:
            size = 0
            break
        new = 256 + made
        length = merge_pair(row, pair, new, lists[first : first + length])
        for is_left in (False, True):
            size, used = push_new_pairs(
                row, lists, lists[first : first + length], new, is_left, tally, heap, size, used
            )
        merges[2 * made], merges[2 * made + 1] = pair >> 32, pair & 0xFFFFFFFF
        made += 1
    progress[0], progress[1], progress[2] = made, size, used
    return 1 if made == wanted or size == 0 else 0


@compiled
def first_pairs(row: Row, lists: Ids, tally: Tally, heap: Integers) -> tuple[int, int]:
    """Put all pairs of bytes into the heap; gives its size and how much of `lists` is used: their places go there."""
    tokens, (counts, sizes, ends, _) = row.tokens, tally
    for place in range(1, len(tokens) - 1):
        if tokens[place] >= 0 and tokens[place + 1] >= 0:
            pair = tokens[place] << 8 | tokens[place + 1]
            counts[pair] += row.weights[place]
            sizes[pair] += 1
    used = 0
    for pair in range(_BYTE_PAIRS):
        ends[pair] = used
        used += sizes[pair]
    for place in range(1, len(tokens) - 1):
        if tokens[place] >= 0 and tokens[place + 1] >= 0:
            pair = tokens[place] << 8 | tokens[place + 1]
            lists[ends[pair]] = place
            ends[pair] += 1
    size = 0
    for pair in range(_BYTE_PAIRS):
        if sizes[pair]:
            number = (pair >> 8) << 32 | (pair & 0xFF)
            push(heap, size, counts[pair], number, ends[pair] - sizes[pair], sizes[pair])
            size += 1
            counts[pair] = sizes[pair] = 0
    return size, used


@compiled
def push_new_pairs(
    row: Row, lists: Ids, places: Ids, new: int, is_left: bool, tally: Tally, heap: Integers, size: int, used: int
) -> tuple[int, int]:
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
        push(heap, size, counts[neighbour], pair, ends[neighbour] - sizes[neighbour], sizes[neighbour])
        size += 1
        counts[neighbour] = sizes[neighbour] = 0
    return size, used
