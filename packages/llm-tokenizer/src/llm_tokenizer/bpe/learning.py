"""Learning the merges from counted pieces: merge the most frequent pair of neighbours, again and again.

Written for reading, the loop counts all pairs anew for every merge: that is `reference/`. Here three things make the
same merges come thousands of times sooner. Equal pieces are counted once and weighted. A pair knows its places, so a
merge touches only those. And a queue gives the most frequent pair without looking at all.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from itertools import pairwise

from llm_tokenizer.bpe.byte_unicode import tie_order
from llm_tokenizer.bpe.encoding import Pair

Progress = Callable[[int, int], None]

_Entry = tuple[int, int, list[int]]  # a pair and its places
_EDGE = -1  # stands between two words, where there is no pair


def learn_merges(
    counts: Mapping[str, int], wanted: int, progress: Progress | None = None, *, min_frequency: int = 1
) -> list[Pair]:
    """The first `wanted` merges for pieces that stand so often each.

    They are fewer when every piece is one token, or when no pair stands `min_frequency` times.

    Inside, a byte is numbered by its place in `tie_order`, so that of two equally frequent pairs the smaller pair of
    numbers is the one that goes first.

    Why it works:
        A pair loses places when a neighbour is merged with it, and never gains one, because every pair that a merge
        brings about holds the new token and is new itself. So counts are never too small and need no upkeep: only the
        first pair of the queue is counted anew, and where its count still holds, it is the most frequent.

    Spec: tokenizer.train_bpe
    """
    order = tie_order()
    number_of = bytes.maketrans(bytes(order), bytes(range(256)))
    merges: list[Pair] = []
    with _without_garbage_collection():
        row = _Row([piece.encode().translate(number_of) for piece in counts], counts.values())
        queue = _Queue()
        for pair, places in row.pairs().items():
            queue.put(row.count(places), (*pair, places))
        while len(merges) < wanted and (stale := queue.highest_count()) >= min_frequency:
            left, right, places = queue.take()
            places = row.still(left, right, places)
            count = row.count(places)
            if count < stale:
                queue.put(count, (left, right, places))
                continue
            for pair, new_places in row.merge(left, right, places):
                queue.put(row.count(new_places), (*pair, new_places))
            merges.append((order[left] if left < 256 else left, order[right] if right < 256 else right))
            if progress:
                progress(len(merges), wanted)
    return merges


def count_pairs(words: Sequence[Sequence[int]], counts: Iterable[int]) -> dict[Pair, int]:
    """How often each pair of neighbours stands in words that stand so often each.

    Why it works:
        A text repeats its words, so each is looked at once and counts as often as it stands. Of `aaa` both pairs count,
        although only one of them can be merged.

    Spec: tokenizer.count_pairs
    """
    row = _Row(words, counts)
    return {pair: row.count(places) for pair, places in row.pairs().items()}


class _Queue:
    """Pairs with their places: the highest count goes first, and of equal ones the smallest pair of numbers.

    Counts only fall, so pairs of one count are put in order when its turn comes, and the many rare ones never.
    """

    def __init__(self) -> None:
        self._waiting: defaultdict[int, list[_Entry]] = defaultdict(list)  # by count, in any order
        self._counts: list[int] = []  # those that have a list in `_waiting`: a heap, less than zero
        self._count = -1  # whose turn it is
        self._turn: list[_Entry] = []  # those that stand so often: a heap

    def put(self, count: int, entry: _Entry) -> None:
        """Let a pair wait that stands so often; not more often than the one that was taken last."""
        if count == self._count:
            heappush(self._turn, entry)
        elif count > 0:  # else it stands nowhere any more
            if count not in self._waiting:
                heappush(self._counts, -count)
            self._waiting[count].append(entry)

    def highest_count(self) -> int:
        """How often the next pair stands; 0 where there is none."""
        if not self._turn:
            self._count = -heappop(self._counts) if self._counts else 0
            self._turn = self._waiting.pop(self._count, [])
            heapify(self._turn)
        return self._count

    def take(self) -> _Entry:
        """The next pair."""
        return heappop(self._turn)


class _Row:
    """All distinct words in one long row of tokens, as long as their bytes, however many of these are merged.

    A token stands at the first and at the last of its bytes; what is between them is never looked at. So its neighbour
    to the left ends one place before it, and the one to the right begins one place after. The place of a pair is where
    its right token begins.
    """

    def __init__(self, words: Iterable[Iterable[int]], counts: Iterable[int]) -> None:
        self._tokens = [_EDGE]
        self._weights = [0]  # how often the word stands that a place lies in
        self._lengths = [1] * 256  # of each token, in bytes
        for word, count in zip(words, counts, strict=True):
            self._tokens += word
            self._tokens.append(_EDGE)
            self._weights += [count] * (len(self._tokens) - len(self._weights))

    def pairs(self) -> dict[Pair, list[int]]:
        """The places of each pair of bytes, from left to right."""
        places: defaultdict[Pair, list[int]] = defaultdict(list)
        for place, pair in enumerate(pairwise(self._tokens), start=1):
            places[pair].append(place)
        return {pair: found for pair, found in places.items() if _EDGE not in pair}

    def still(self, left: int, right: int, places: Iterable[int]) -> list[int]:
        """Those of its places where the pair is still found."""
        tokens = self._tokens
        return [place for place in places if tokens[place] == right and tokens[place - 1] == left]

    def count(self, places: Iterable[int]) -> int:
        """How often a pair stands in the texts."""
        return sum(map(self._weights.__getitem__, places))

    def merge(self, left: int, right: int, places: Iterable[int]) -> Iterator[tuple[Pair, list[int]]]:
        """Replace the pair by a new token at its places, and give the pairs that come about with theirs.

        From left to right, so that of `aaa` the first two are merged.
        """
        tokens, new = self._tokens, len(self._lengths)
        left_length, right_length = self._lengths[left], self._lengths[right]
        self._lengths.append(left_length + right_length)
        places_after: defaultdict[int, list[int]] = defaultdict(list)  # of the pairs with the token before, by it
        places_before: defaultdict[int, list[int]] = defaultdict(list)
        for place in places:
            if tokens[place - 1] == left:  # not so in the middle of `aaa`, once the first two are merged
                first, beyond = place - left_length, place + right_length
                tokens[first] = tokens[beyond - 1] = new
                places_after[tokens[first - 1]].append(first)
                places_before[tokens[beyond]].append(beyond)
        places_after.pop(_EDGE, None)
        places_before.pop(_EDGE, None)
        for token, found in places_after.items():
            yield (token, new), found
        for token, found in places_before.items():
            yield (new, token), found


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """No search for cycles: there are none, and to look through all lists of places takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
