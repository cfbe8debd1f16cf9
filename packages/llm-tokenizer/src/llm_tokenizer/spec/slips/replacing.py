"""Wrong ways to count and to replace pairs, for the slips in pairs, in training and in encoding."""

from __future__ import annotations

from collections import Counter

from llm_tokenizer.reference.byte_pair import merge_pair


def count_without_overlap(words: list[list[int]]) -> Counter[tuple[int, int]]:
    counts: Counter[tuple[int, int]] = Counter()
    for word in words:
        place = 0
        while place < len(word) - 1:
            counts[word[place], word[place + 1]] += 1
            place += 2 if word[place : place + 3] == [word[place]] * 3 else 1
    return counts


def replace_from_the_right(word: list[int], pair: list[int], new: int) -> list[int]:
    return merge_pair(word[::-1], pair[::-1], new)[::-1]


def replace_once(word: list[int], pair: list[int], new: int) -> list[int]:
    for place in range(len(word) - 1):
        if word[place : place + 2] == pair:
            return [*word[:place], new, *word[place + 2 :]]
    return word
