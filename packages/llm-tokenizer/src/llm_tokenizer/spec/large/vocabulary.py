"""Vocabularies of up to 200,000 tokens."""

from __future__ import annotations

from functools import cache

from llm_tokenizer.conformance.large import Generator
from llm_tokenizer.spec.large.texts import words

Merges = list[list[int]]


class Learner:
    """Merges of made-up words. No two of them make the same bytes, as in any real vocabulary."""

    def __init__(self) -> None:
        self.ids: dict[tuple[int, int], int] = {}
        self.known: dict[str, int] = {}

    def pair(self, left: int, right: int) -> int:
        """Return the id of a merge, a new one if need be."""
        return self.ids.setdefault((left, right), 256 + len(self.ids))

    def word(self, text: str) -> int:
        """Return the id of a word: characters of bytes, syllables of two characters, halves of words."""
        if text not in self.known:
            half = 1 if len(text) < 3 else 2 ** (len(text) - 1).bit_length() // 2
            parts = text[:half], text[half:]
            self.known[text] = self.pair(*map(self.word, parts)) if parts[1] else self.row(text.encode())
        return self.known[text]

    def row(self, data: bytes) -> int:
        """Return the id of some bytes, one added to the other."""
        id, *rest = data
        for byte in rest:
            id = self.pair(id, byte)
        return id

    @property
    def merges(self) -> Merges:
        """The merges in the order of learning."""
        return [list(pair) for pair in self.ids]


@cache
def _vocabulary() -> tuple[list[str], Merges]:
    g, learner, kept = Generator(200_000), Learner(), list[str]()
    while len(learner.ids) < 199_744:
        kept += (some := words(g, 1000, most=5))
        for word in some:
            learner.word(word)
    return kept, learner.merges[:199_744]


def vocabulary(count: int) -> tuple[list[str], Merges]:
    """Return so many merges, at most 199,744, and the words that they make; the last words are made in part."""
    known, merges = _vocabulary()
    return known[: max(300, len(known) * count // len(merges))], merges[:count]
