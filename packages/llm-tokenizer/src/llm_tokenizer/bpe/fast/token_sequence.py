"""The distinct pre-tokens as one long sequence of tokens, in which training merges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from llm_tokenizer.bpe.fast.compiling import entry, inlined
from llm_tokenizer.bpe.fast.counting import length_at, pre_token_byte
from llm_tokenizer.bpe.fast.instructions import Bytes, Ids, Integers, Words, signed

EDGE = -1  # before, between and after the pre-tokens
_GONE = -2  # where a token has been merged into the one before it
_LOW_HALF = 0xFFFFFFFF


class TokenSequence(NamedTuple):
    """The tokens of all distinct pre-tokens. A token is found at its first byte, and stays there."""

    tokens: Ids
    before: Ids  # where the token before begins, or the edge
    weights: Integers  # how often the pre-token occurs in the texts
    lengths: Ids  # the bytes of each token, so that the next one is found


@entry
def lay_out(table: Words, store: Bytes, numbers: Ids, vocabulary: int) -> TokenSequence:
    """Return the sequence of the pre-tokens that were counted, each byte as its number.

    Pre-tokens of a single byte are left out: there is nothing to merge.
    """
    size = 1
    for slot in range(0, len(table), 4):
        length = length_at(table, slot)
        if length > 1:
            size += length + 1
    tokens, weights = np.full(size, EDGE, np.int32), np.zeros(size, np.int64)
    at = 1
    for slot in range(0, len(table), 4):
        length = length_at(table, slot)
        if length > 1:
            for k in range(length):
                tokens[at + k] = numbers[pre_token_byte(table, slot, store, k)]
                weights[at + k] = signed(table[slot + 2])
            at += length + 1
    before = np.arange(-1, size - 1).astype(np.int32)
    return TokenSequence(tokens, before, weights, np.ones(vocabulary, np.int32))


@inlined
def count_pair(row: TokenSequence, pair: int, places: Ids) -> tuple[int, int]:
    """Return how often the pair occurs in the texts, and at how many of its places still: they move to the front."""
    left, right = pair >> 32, pair & _LOW_HALF
    step = row.lengths[left]
    count = kept = 0
    for place in places:
        if row.tokens[place] == left and row.tokens[place + step] == right:
            count += row.weights[place]
            places[kept] = place
            kept += 1
    return count, kept


@inlined
def merge_pair(row: TokenSequence, pair: int, new: int, places: Ids) -> int:
    """Put the new token at all places of the pair; return how many of them did not overlap the one before.

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


@inlined
def new_pair_at(row: TokenSequence, place: int, new: int, is_left: bool) -> tuple[int, int]:
    """Return the pair that the new token at `place` makes with one of its neighbors: (neighbor, place of the pair).

    Args:
        row: The pre-tokens.
        place: Where the new token begins.
        new: The new token.
        is_left: Whether the new token is the left one of the pair. A pair of two new tokens is found from the left one
            only, so that it is counted once. The neighbor is `EDGE` where there is none.
    """
    if is_left:
        return row.tokens[place + row.lengths[new]], place
    before = row.before[place]
    neighbor = row.tokens[before]
    return (EDGE if neighbor == new else neighbor), before
