"""Encode the bytes of one pre-token: apply the learned merges, the earliest learned first.

Two ways to the same ids. `merge_short` is the definition, and fast for a word. It searches the whole pre-token for
each merge, so a pre-token of a million letters would take a million times a million steps: `merge_long` keeps the
candidates in a heap and the tokens in a linked list and needs n · log n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise
from sys import maxsize
from typing import TypeVar

Pair = tuple[int, int]
Value = TypeVar("Value", list[int], bytes)

HEAP_FROM = 128  # bytes; from here on the heap of `merge_long` is faster
REMEMBERED = 1 << 18
LONGEST_REMEMBERED = 256  # characters


def encode_pre_token(pre_token: bytes, rank_of: Mapping[Pair, int]) -> list[int]:
    """Return the ids of one pre-token, by whichever of the two ways is faster."""
    merge = merge_short if len(pre_token) < HEAP_FROM else merge_long
    return merge(list(pre_token), rank_of)


def merge_short(ids: list[int], rank_of: Mapping[Pair, int]) -> list[int]:
    """Replace the pair that was learned first, wherever it occurs, until no learned pair is left.

    Why it works:
        Training merged the most frequent pair everywhere, then the next. Encoding replays those merges in the same
        order, so that a text is split as the training text was. The rank of a pair is the id of the token that it
        makes: ids were assigned in the order of learning.

    Spec: tokenizer.encode_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """
    unknown = maxsize
    while len(ids) > 1:
        ranks = [rank_of.get(pair, unknown) for pair in pairwise(ids)]
        rank = min(ranks)
        if rank == unknown:
            break
        ids = replace_pair(ids, ranks, rank)
    return ids


def replace_pair(ids: list[int], ranks: list[int], rank: int) -> list[int]:
    """Replace, from left to right, every place of one pair by the token it makes; `aaa` becomes `(aa)a`.

    Why it works:
        Places may overlap, and then only one of them can be merged. Any rule would do, as long as training and encoding
        use the same: here the left one.

    Spec: tokenizer.merge_pair
    """
    merged = []
    place = 0
    while place < len(ids):
        if place < len(ranks) and ranks[place] == rank:
            merged.append(rank)
            place += 2
        else:
            merged.append(ids[place])
            place += 1
    return merged


def merge_long(ids: list[int], rank_of: Mapping[Pair, int]) -> list[int]:
    """Return the same ids as `merge_short`, in n · log n steps for a pre-token of n bytes.

    Why it works:
        The heap returns the lowest rank, and among equals the leftmost place, which is the order in which
        `merge_short` replaces.

    Spec: tokenizer.encode_bpe
    """
    return merge_in_order(ids, rank_of, rank_of)


def merge_in_order(ids: list[int], order_of: Mapping[Pair, float], made_of: Mapping[Pair, int]) -> list[int]:
    """Merge the pair that comes first in the order, of equals the leftmost, until no pair is left that can be merged.

    Why it works:
        A merge changes only the pairs to its left and right: those two are pushed, and entries whose pair is gone are
        recognized when they are popped, because the pair at that place has another order.

    The order may be equal for different pairs. Mistral's runs of spaces are such: at equal scores the leftmost run
    grows to its full length before the next one begins.

    Args:
        ids: The tokens.
        order_of: The order of each pair that can be merged, the lowest first.
        made_of: The id that each of them makes.
    """
    end = len(ids)
    token: list[int] = [*ids, -1]  # -1: nothing here, at the end or where a token has been merged away
    after = [*range(1, end + 1), end]
    before = [*range(-1, end)]  # before[0] is -1, which in Python is the end: there is no token either

    heap = [(order, place) for place, pair in enumerate(pairwise(ids)) if (order := order_of.get(pair)) is not None]
    heapify(heap)
    while heap:
        order, place = heappop(heap)
        gone = after[place]
        pair = token[place], token[gone]
        if order_of.get(pair) != order:
            continue
        token[place], token[gone] = made_of[pair], -1
        after[place] = after[gone]
        before[after[place]] = place
        for left in (before[place], place):
            if (order_there := order_of.get((token[left], token[after[left]]))) is not None:
                heappush(heap, (order_there, left))
    return [id for id in token if id >= 0]


class BoundedCache(dict[str, Value]):
    """The ids of pre-tokens or chunks that occurred before; when it is full it is cleared."""

    def __init__(self, encode: Callable[[str], Value]) -> None:
        super().__init__()
        self._encode: Callable[[str], Value] = encode

    def __missing__(self, text: str) -> Value:
        ids = self._encode(text)
        if len(text) <= LONGEST_REMEMBERED:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = ids
        return ids
