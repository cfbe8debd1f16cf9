"""Texts, words and characters by chance."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from llm_tokenizer.conformance.large import Generator

SYLLABLES = [first + second for first, second in product("bdfgklmnprstvwz", "aeiouéø")]
BETWEEN_WORDS = [
    *[" "] * 30, ", ", ". ", "\n", "\r\n\r\n", "  ", "\n    ", "\t", "'s ", "'LL ", " 7 ", " 2048 ", "-", "/", " (",
    "!\n",
]  # fmt: skip


def words(g: Generator, count: int, most: int = 4) -> list[str]:
    """Draw words of one syllable or more, which need not all be different."""
    lengths = (g.whole(count, below=most) + 1).tolist()
    drawn = iter(g.whole(sum(lengths), below=len(SYLLABLES)).tolist())
    return ["".join(SYLLABLES[next(drawn)] for _ in range(length)) for length in lengths]


def zipf(g: Generator, vocabulary: list[str], count: int) -> list[str]:
    """Draw from a vocabulary, the n-th item with a frequency of 1/n."""
    heights = np.cumsum(1.0 / np.arange(1, len(vocabulary) + 1))
    places = np.searchsorted(heights[:-1], g.uniform(count, high=float(heights[-1])), side="right")
    return [vocabulary[place] for place in places.tolist()]


def prose(g: Generator, count: int) -> str:
    """Write so many words with spaces, punctuation, line breaks and numbers between them."""
    plain = words(g, 3000)
    vocabulary = [plain[k].title() if k % 5 == 2 else plain[k].upper() if k % 5 == 4 else plain[k] for k in range(3000)]
    drawn = zip(zipf(g, vocabulary, count), g.whole(count, below=len(BETWEEN_WORDS)).tolist(), strict=True)
    return "".join(word + BETWEEN_WORDS[between] for word, between in drawn)


def chosen(g: Generator, items: list[Any] | tuple[Any, ...] | str, count: int) -> list[Any]:
    """Draw so many items."""
    return [items[place] for place in g.whole(count, below=len(items)).tolist()]
