"""Slips in counting and merging pairs."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.spec.slips.replacing import count_without_overlap, replace_from_the_right, replace_once

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.count_pairs")

Words = list[list[int]]


def _triples(pairs: Counter[tuple[int, int]]) -> Words:
    return [[left, right, count] for (left, right), count in sorted(pairs.items())]


slip("overlapping pairs once", "`a a a` holds the pair (a, a) at two places, and both count")(
    lambda words: _triples(count_without_overlap(words))
)
slip("across words", "no pair reaches from one word into the next")(
    lambda words: reference.count_pairs([[id for word in words for id in word]])
)
slip("equal words once", "a word that is in the list twice counts twice")(
    lambda words: reference.count_pairs([list(word) for word in dict.fromkeys(map(tuple, words))])
)
slip("once a word", "a pair that occurs twice in a word counts twice")(
    lambda words: _triples(Counter(pair for word in words for pair in set(pairwise(word))))
)
slip("order forgotten", "(a, b) and (b, a) are two pairs")(
    lambda words: _triples(Counter((min(pair), max(pair)) for word in words for pair in pairwise(word)))
)
slip("most frequent first", "the answer is ordered by the pairs, not by their counts")(
    lambda words: sorted(reference.count_pairs(words), key=lambda triple: -triple[2])
)
slip("pairs that occur once left out", "a pair that occurs once is counted too")(
    lambda words: [triple for triple in reference.count_pairs(words) if triple[2] > 1]
)


slip = SLIPS.of("tokenizer.merge_pair")
slip("from the right", "the pair is replaced from left to right: `a a a` becomes (aa) a")(replace_from_the_right)
slip("one place only", "the pair is replaced wherever it is in the word")(replace_once)
slip("either order", "only the left token followed by the right one is the pair")(
    lambda word, pair, new: reference.merge_pair(reference.merge_pair(word, pair, new), pair[::-1], new)
)


@slip("again and again", "a new token is not merged again in the same pass")
def again_and_again(word: list[int], pair: list[int], new: int) -> list[int]:
    for _ in range(len(word)):
        word = replace_once(word, pair, new)
    return word


@slip("last token lost", "the last token stays, if no pair takes it")
def last_token_lost(word: list[int], pair: list[int], new: int) -> list[int]:
    merged = []
    place = 0
    while place < len(word) - 1:
        found = word[place : place + 2] == pair
        merged.append(new if found else word[place])
        place += 2 if found else 1
    return merged


@slip("overlapping places", "what has been merged is used up: places do not overlap")
def overlapping(word: list[int], pair: list[int], new: int) -> list[int]:
    merged = [new if list(neighbors) == pair else neighbors[0] for neighbors in pairwise(word)]
    return merged + word[-1:] if word[-2:] != pair else merged
