"""Two wrong ways to replace a pair, which slips in training and in encoding share."""

from __future__ import annotations

from llm_tokenizer.reference.byte_pair import merge


def replace_from_the_right(word: list[int], left: int, right: int, new: int) -> list[int]:
    return merge(word[::-1], right, left, new)[::-1]


def replace_once(word: list[int], left: int, right: int, new: int) -> list[int]:
    for place in range(len(word) - 1):
        if word[place : place + 2] == [left, right]:
            return [*word[:place], new, *word[place + 2 :]]
    return word
