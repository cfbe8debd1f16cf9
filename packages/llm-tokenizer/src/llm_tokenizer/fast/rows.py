"""The distinct pieces as one long row of tokens, in which training merges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llm_tokenizer.fast.compiling import Bytes, Ids, Integers, Words, compiled, signed
from llm_tokenizer.fast.counting import piece_byte, piece_length

EDGE = -1  # stands before, between and after the pieces
_GONE = -2  # stands where a token has been merged into the one before it
_LOW_HALF = 0xFFFFFFFF


class Row(NamedTuple):
    """The tokens of all distinct pieces. Where a token begins is its place, and it stays there."""

    tokens: Ids
    before: Ids  # where the token before begins, or the edge
    weights: Integers  # how often the piece stands in the texts
    lengths: Ids  # the bytes of each token, so that the next one is found


@compiled
def lay_out(table: Words, store: Bytes, numbers: Ids, vocabulary: int) -> Row:
    """The row of the pieces that were counted; pieces of a single byte are left out, there is nothing to merge."""
    size = 1
    for slot in range(len(table)):
        length = piece_length(table, slot)
        if length > 1:
            size += length + 1
    tokens, before, weights = np.full(size, EDGE, np.int32), np.empty(size, np.int32), np.zeros(size, np.int64)
    for place in range(size):
        before[place] = place - 1
    place = 1
    for slot in range(len(table)):
        length = piece_length(table, slot)
        if length > 1:
            for k in range(length):
                tokens[place + k] = numbers[piece_byte(table, slot, store, k)]
                weights[place + k] = signed(table[slot, 2])
            place += length + 1
    return Row(tokens, before, weights, np.ones(vocabulary, np.int32))


@compiled
def count_pair(row: Row, pair: int, places: Ids) -> tuple[int, int]:
    """How often the pair stands in the texts, and how many of its places still hold it: they move to the front."""
    left, right = pair >> 32, pair & _LOW_HALF
    step = row.lengths[left]
    count = kept = 0
    for place in places:
        if row.tokens[place] == left and row.tokens[place + step] == right:
            count += row.weights[place]
            places[kept] = place
            kept += 1
    return count, kept


@compiled
def merge_pair(row: Row, pair: int, new: int, places: Ids) -> int:
    """Put the new token at all places of the pair; gives how many of them did not overlap the one before.

    The places are in order, so that of `aaa` the first two are merged. The merged ones are moved to the front.
    """
    left, right = pair >> 32, pair & _LOW_HALF
    step = row.lengths[left]
    row.lengths[new] = step + row.lengths[right]
    kept = 0
    for place in places:
        if row.tokens[place] == left and row.tokens[place + step] == right:
            row.tokens[place] = new
            row.tokens[place + step] = _GONE
            following = place + row.lengths[new]
            if row.tokens[following] != EDGE:
                row.before[following] = place
            places[kept] = place
            kept += 1
    return kept


@compiled
def new_pair_at(row: Row, place: int, new: int, is_left: bool) -> tuple[int, int]:
    """The pair that the new token at `place` makes with one of its neighbours: (neighbour, place of the pair).

    Args:
        row: The pieces.
        place: Where the new token stands.
        new: The new token.
        is_left: Whether the new token is the left one of the pair. A pair of two new tokens is found from the left one
            only, so that it is counted once. The neighbour is `EDGE` where there is none.
    """
    if is_left:
        return row.tokens[place + row.lengths[new]], place
    before = row.before[place]
    neighbour = row.tokens[before]
    return (EDGE if neighbour == new else neighbour), before
