"""Learn the merges from counted pre-tokens, compiled: `bpe/training.py` on flat arrays."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from llm_tokenizer.bpe.fast.compiling import compiled, entry
from llm_tokenizer.bpe.fast.instructions import Ids, Integers, borrowed
from llm_tokenizer.bpe.fast.token_sequence import TokenSequence, count_pair, merge_pair, new_pair_at

BYTE_PAIRS = 1 << 16

# A pair in the heap: minus its count, `left << 32 | right`, and where the list of its places begins and ends.
# So the most frequent is on top, and of equals the one with the smallest pair of numbers.
Candidate = tuple[int, int, int, int]

# For the pairs that a new token makes on one side, by neighbor: how often they occur in the texts, at how many places,
# up to where the list of their places is filled; and which neighbors there are. The first two are zero between uses.
Tally = tuple[Integers, Integers, Integers, Integers]


@entry
def merge_most_frequent(
    tokens: Ids, before: Ids, weights: Integers, lengths: Ids, lists: Ids,
    counts: Integers, sizes: Integers, ends: Integers, seen: Integers, wanted: int, least: int,
) -> Integers:  # fmt: skip
    """Return the first `wanted` merges as rows (left, right), or fewer when no pair is left that occurs `least` times.

    The first four arrays are those of `TokenSequence`; `lists` is scratch for places of pairs, and the next four are a
    `Tally`.

    Why it works: the heap holds, for each pair, a count that is never too small, because a pair only loses places
    after the merge that made it. So counts need no upkeep: the pair on top is counted again from the list of its
    places, and if it still comes before the next one, it is the most frequent.

    Spec: tokenizer.train_bpe
    """
    row = TokenSequence(borrowed(tokens), borrowed(before), borrowed(weights), borrowed(lengths))
    lists, tally = borrowed(lists), (borrowed(counts), borrowed(sizes), borrowed(ends), borrowed(seen))
    merges = np.empty((wanted, 2), np.int64)
    heap, used = _byte_pairs(row, lists, tally)
    made = 0
    while made < wanted and len(heap) > 0:
        stale, pair, first, end = heappop(heap)
        count, kept = count_pair(row, pair, lists[first:end])
        if count == 0:
            continue
        if count < -stale and len(heap) > 0 and (-count, pair) > (heap[0][0], heap[0][1]):
            heappush(heap, (-count, pair, first, first + kept))
            continue
        if count < least:
            break
        new = 256 + made
        kept = merge_pair(row, pair, new, lists[first : first + kept])
        for is_left in (False, True):
            used = _push_new_pairs(row, lists, lists[first : first + kept], new, is_left, tally, heap, used)
        merges[made, 0], merges[made, 1] = pair >> 32, pair & 0xFFFFFFFF
        made += 1
    return merges[:made]


@compiled
def _byte_pairs(row: TokenSequence, lists: Ids, tally: Tally) -> tuple[list[Candidate], int]:
    """Return the heap of all pairs of bytes, and how much of `lists` is used: their places go there."""
    tokens, (counts, sizes, ends, _) = row.tokens, tally
    for place in range(1, len(tokens) - 1):
        if tokens[place] >= 0 and tokens[place + 1] >= 0:
            pair = tokens[place] << 8 | tokens[place + 1]
            counts[pair] += row.weights[place]
            sizes[pair] += 1
    used = 0
    for pair in range(BYTE_PAIRS):
        ends[pair] = used
        used += sizes[pair]
    for place in range(1, len(tokens) - 1):
        if tokens[place] >= 0 and tokens[place + 1] >= 0:
            pair = tokens[place] << 8 | tokens[place + 1]
            lists[ends[pair]] = place
            ends[pair] += 1
    heap = []
    for pair in range(BYTE_PAIRS):
        if sizes[pair]:
            heap.append((-counts[pair], (pair >> 8) << 32 | (pair & 0xFF), ends[pair] - sizes[pair], ends[pair]))
            counts[pair] = sizes[pair] = 0
    heapify(heap)
    return heap, used


@compiled
def _push_new_pairs(
    row: TokenSequence, lists: Ids, places: Ids, new: int, is_left: bool, tally: Tally, heap: list[Candidate], used: int
) -> int:
    """Count the pairs that the new token makes on one side and push them; return how much of `lists` is used.

    The places are walked through twice: to count them, and to put them into lists that lie side by side.
    """
    counts, sizes, ends, seen = tally
    kinds = 0
    for place in places:
        neighbor, at = new_pair_at(row, place, new, is_left)
        if neighbor >= 0:
            if sizes[neighbor] == 0:
                seen[kinds] = neighbor
                kinds += 1
            sizes[neighbor] += 1
            counts[neighbor] += row.weights[at]
    for neighbor in seen[:kinds]:
        ends[neighbor] = used
        used += sizes[neighbor]
    for place in places:
        neighbor, at = new_pair_at(row, place, new, is_left)
        if neighbor >= 0:
            lists[ends[neighbor]] = at
            ends[neighbor] += 1
    for neighbor in seen[:kinds]:
        pair = new << 32 | neighbor if is_left else neighbor << 32 | new
        heappush(heap, (-counts[neighbor], pair, ends[neighbor] - sizes[neighbor], ends[neighbor]))
        counts[neighbor] = sizes[neighbor] = 0
    return used
