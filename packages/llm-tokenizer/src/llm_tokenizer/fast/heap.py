"""A heap of pairs: the most frequent on top, of equals the one with the smallest pair of numbers.

A row is (count, pair, first, length): the pair as `left << 32 | right`, and where the list of its places lies.
"""

from __future__ import annotations

import numpy as np

from llm_tokenizer.fast.compiling import Integers, compiled

Row = tuple[int, int, int, int]


@compiled
def goes_before(count: int, pair: int, other_count: int, other_pair: int) -> bool:
    """Whether the first pair is merged before the other."""
    return count > other_count or (count == other_count and pair < other_pair)


@compiled
def push(heap: Integers, size: int, count: int, pair: int, first: int, length: int) -> Integers:
    """Put a row in as number `size`; gives the heap, which is a larger one when the old one was full."""
    if size == len(heap):
        larger = np.empty((2 * size, 4), np.int64)
        larger[:size] = heap
        heap = larger
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if goes_before(heap[parent, 0], heap[parent, 1], count, pair):
            break
        heap[place] = heap[parent]
        place = parent
    _write(heap, place, (count, pair, first, length))
    return heap


@compiled
def pop(heap: Integers, size: int) -> Row:
    """Take the top row out of a heap of `size` rows."""
    top = (heap[0, 0], heap[0, 1], heap[0, 2], heap[0, 3])
    last = size - 1
    count, pair = heap[last, 0], heap[last, 1]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        if child + 1 < last and goes_before(heap[child + 1, 0], heap[child + 1, 1], heap[child, 0], heap[child, 1]):
            child += 1
        if goes_before(count, pair, heap[child, 0], heap[child, 1]):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = heap[last]
    return top


@compiled
def _write(heap: Integers, place: int, row: Row) -> None:
    heap[place, 0], heap[place, 1], heap[place, 2], heap[place, 3] = row
