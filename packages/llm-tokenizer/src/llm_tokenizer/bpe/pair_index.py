"""The two structures behind training: the distinct pre-tokens as one list of tokens, and a queue of pairs by count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import pairwise

from llm_tokenizer.bpe.encoding import Pair

Entry = tuple[int, int, list[int]]  # a pair and its positions
_EDGE = -1  # lies between two words, where there is no pair


class PairQueue:
    """Pairs with their positions: the highest count comes first, and of equal ones the smallest pair of numbers.

    Counts only fall, so pairs of one count are sorted when they are next, and the many rare ones never.
    """

    def __init__(self) -> None:
        self._pairs: defaultdict[int, list[Entry]] = defaultdict(list)  # by count, in any order
        self._counts: list[int] = []  # those that have a list in `_pairs`: a heap, less than zero
        self._count = -1  # of the pairs in `_next`
        self._next: list[Entry] = []  # the pairs that occur this often: a heap

    def put(self, count: int, entry: Entry) -> None:
        """Add a pair that occurs this often; not more often than the one that was taken last."""
        if count == self._count:
            heappush(self._next, entry)
        elif count > 0:  # else it occurs nowhere any more
            if count not in self._pairs:
                heappush(self._counts, -count)
            self._pairs[count].append(entry)

    def highest_count(self) -> int:
        """Return how often the next pair occurs; 0 if there is none."""
        if not self._next:
            self._count = -heappop(self._counts) if self._counts else 0
            self._next = self._pairs.pop(self._count, [])
            heapify(self._next)
        return self._count

    def take(self) -> Entry:
        """Remove and return the next pair."""
        return heappop(self._next)


class TokenRow:
    """All distinct words in one long list of tokens, as long as their bytes, however many of these are merged.

    A token is written at the first and at the last of its bytes; what is between them is never read. So its neighbor
    to the left ends one position before it, and the one to the right begins one position after it. The position of a
    pair is where its right token begins.
    """

    def __init__(self, words: Iterable[Iterable[int]], counts: Iterable[int]) -> None:
        self._tokens = [_EDGE]
        self._weights = [0]  # how often the word at each position occurs
        self._lengths = [1] * 256  # of each token, in bytes
        for word, count in zip(words, counts, strict=True):
            self._tokens += word
            self._tokens.append(_EDGE)
            self._weights += [count] * (len(self._tokens) - len(self._weights))

    def pairs(self) -> dict[Pair, list[int]]:
        """Return the positions of each pair of bytes, from left to right."""
        places: defaultdict[Pair, list[int]] = defaultdict(list)
        for place, pair in enumerate(pairwise(self._tokens), start=1):
            places[pair].append(place)
        return {pair: found for pair, found in places.items() if _EDGE not in pair}

    def still(self, left: int, right: int, places: Iterable[int]) -> list[int]:
        """Return those of its positions at which the pair is still found."""
        tokens = self._tokens
        return [place for place in places if tokens[place] == right and tokens[place - 1] == left]

    def count(self, places: Iterable[int]) -> int:
        """Return how often a pair occurs in the texts."""
        return sum(map(self._weights.__getitem__, places))

    def merge(self, left: int, right: int, places: Iterable[int]) -> Iterator[tuple[Pair, list[int]]]:
        """Replace the pair by a new token at its positions, and yield the new pairs with theirs.

        From left to right, so that of `aaa` the first two are merged.
        """
        tokens, new = self._tokens, len(self._lengths)
        left_length, right_length = self._lengths[left], self._lengths[right]
        self._lengths.append(left_length + right_length)
        places_after: defaultdict[int, list[int]] = defaultdict(list)  # of the pairs with the token before, by it
        places_before: defaultdict[int, list[int]] = defaultdict(list)
        for place in places:
            if tokens[place - 1] == left:  # false in the middle of `aaa`, once the first two are merged
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
