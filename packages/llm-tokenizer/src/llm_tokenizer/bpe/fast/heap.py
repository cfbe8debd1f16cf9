"""A heap of pairs: the most frequent on top, of equals the one with the smallest pair of numbers.

A row is four integers, (count, pair, first, length): the pair as `left << 32 | right`, and where the list of its
places lies.
"""

from __future__ import annotations

from llm_tokenizer.bpe.fast.compiling import compiled
from llm_tokenizer.bpe.fast.instructions import Integers

Row = tuple[int, int, int, int]


@compiled
def goes_before(count: int, pair: int, other_count: int, other_pair: int) -> bool:
    """Whether the first pair is merged before the other."""
    return count > other_count or (count == other_count and pair < other_pair)


@compiled
def push(heap: Integers, size: int, count: int, pair: int, first: int, length: int) -> None:
    """Put a row in as number `size`; there must be room for it."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if goes_before(heap[4 * parent], heap[4 * parent + 1], count, pair):
            break
        _move(heap, parent, place)
        place = parent
    heap[4 * place], heap[4 * place + 1], heap[4 * place + 2], heap[4 * place + 3] = count, pair, first, length


@compiled
def pop(heap: Integers, size: int) -> Row:
    """Take the top row out of a heap of `size` rows."""
    top = (heap[0], heap[1], heap[2], heap[3])
    last = size - 1
    count, pair = heap[4 * last], heap[4 * last + 1]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        if child + 1 < last and _row_goes_before(heap, child + 1, child):
            child += 1
        if goes_before(count, pair, heap[4 * child], heap[4 * child + 1]):
            break
        _move(heap, child, place)
        place = child
    _move(heap, last, place)
    return top


@compiled
def _move(heap: Integers, source: int, target: int) -> None:
    for k in range(4):
        heap[4 * target + k] = heap[4 * source + k]


@compiled
def _row_goes_before(heap: Integers, one: int, other: int) -> bool:
    return goes_before(heap[4 * one], heap[4 * one + 1], heap[4 * other], heap[4 * other + 1])
