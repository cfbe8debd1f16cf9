"""Find where a text may be cut without changing its pre-tokens, whatever comes further left or right.

A pre-token is found by looking at what follows it, so a text cannot be cut just anywhere: `12` and `34` are other
tokens than `1234`. But some places are edges between pre-tokens in every text, and two characters are enough to know
them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import regex

from llm_tokenizer.corpus.cleaning import Normalization

# Letter, number, or neither and no white space; marks belong to letters in some patterns and not in others.
_INK = r"\S"
_PLACES = (
    rf"(?<={_INK})(?=[^\S\r\n])",  # no pre-token continues into white space, except for a line break
    r"(?<=[\p{L}\p{N}])(?=[\r\n])",  # and into a line break only from punctuation
    r"(?<=\p{N})(?=[^\s\p{N}])",  # numbers are separate
    r"(?<=[^\s\p{N}])(?=\p{N})",  # except for a space before them
    r"(?<=\p{L})(?=[^\s\p{L}\p{M}\p{N}'])",  # a word ends, and this is not a contraction
)


@cache
def safe_places(normalization: Normalization | None = None) -> Any:
    """Return a compiled expression for the places where any text may be cut; it searches from the end of the text.

    Why it works:
        In all patterns of `splitting.py` a pre-token is one run of letters, of numbers, of white space or of the rest,
        with at most one character before it and a contraction or line breaks after it. No pre-token of such a shape
        crosses one of these places, and none that ends there looks beyond it. (White space looks ahead: no cut comes
        after it.)

    A tokenizer that normalizes first sees other characters. ASCII never composes with the character before it, so
    under NFC every place before an ASCII character remains; under NFKC, where a character may become several of
    other kinds, only those before a space.
    """
    places = "|".join(_PLACES)
    if normalization == "NFC":
        places = rf"(?:{places})(?=[\x00-\x7f])"
    elif normalization is not None:
        places = rf"(?<={_INK})(?=[ ])"
    return regex.compile(f"(?r){places}")


def last_safe_place(text: str, normalization: Normalization | None = None) -> int:
    """Return the last place where a text may be cut; 0 if it has none."""
    found = safe_places(normalization).search(text)
    return found.start() if found else 0
