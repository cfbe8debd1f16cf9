"""The distinct pieces as one long row of tokens, in which training merges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llm_tokenizer.bpe.fast.compiling import compiled, entry
from llm_tokenizer.bpe.fast.counting import PieceCounter, piece_byte, piece_length
from llm_tokenizer.bpe.fast.instructions import (
    Address,
    Ids,
    Integers,
    address_of,
    bytes_at,
    ids_at,
    integers_at,
    signed,
    words_at,
)

EDGE = -1  # stands before, between and after the pieces
_GONE = -2  # stands where a token has been merged into the one before it
_LOW_HALF = 0xFFFFFFFF


class Row(NamedTuple):
    """The tokens of all distinct pieces. Where a token begins is its place, and it stays there."""

    tokens: Ids
    before: Ids  # where the token before begins, or the edge
    weights: Integers  # how often the piece stands in the texts
    lengths: Ids  # the bytes of each token, so that the next one is found


def lay_out(counter: PieceCounter, numbers: Ids, vocabulary: int) -> Row:
    """The row of the pieces that were counted; pieces of a single byte are left out, there is nothing to merge."""
    table = address_of(counter.table), len(counter.table)
    size = measure_row(*table)
    before, weights = np.arange(-1, size - 1, dtype=np.int32), np.zeros(size, np.int64)
    row = Row(np.full(size, EDGE, np.int32), before, weights, np.ones(vocabulary, np.int32))
    store = address_of(counter.store), len(counter.store)
    write_row(*table, *store, address_of(numbers), address_of(row.tokens), address_of(row.weights), size)
    return row


@entry
def measure_row(table: Address, words: int) -> int:
    """How many places the row has."""
    counts = words_at(table, words)
    size = 1
    for slot in range(0, words, 4):
        length = piece_length(counts, slot)
        if length > 1:
            size += length + 1
    return size


@entry
def write_row(
    table: Address,
    words: int,
    store: Address,
    room: int,
    numbers: Address,
    tokens: Address,
    weights: Address,
    size: int,
) -> int:
    """Write the bytes of the pieces, each as its number, and how often each piece stands."""
    counts, stored, number_of = words_at(table, words), bytes_at(store, room), ids_at(numbers, 256)
    row, weight_at = ids_at(tokens, size), integers_at(weights, size)
    place = 1
    for slot in range(0, words, 4):
        length = piece_length(counts, slot)
        if length > 1:
            for k in range(length):
                row[place + k] = number_of[piece_byte(counts, slot, stored, k)]
                weight_at[place + k] = signed(counts[slot + 2])
            place += length + 1
    return place


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
