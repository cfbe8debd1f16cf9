"""The kinds of all Unicode characters as a table, and the kind of a character in UTF-8.

The kinds come from the `regex` library itself, since the split patterns are defined by what it matches. Another
version of Unicode in another library would split at a few characters differently.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import regex

from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.instructions import Address, Bytes, byte_at

LETTER = 1
NUMBER = 2
SPACE = 4
NEWLINE = 8  # carriage return and line feed, which are white space as well
OTHER = 16  # neither letter nor number nor white space
UPPER = 32  # what o200k accepts at the front of a word: capitals, and letters without case
LOWER = 64  # what it accepts at the end
SLASH = 128

_KINDS = {
    r"[\p{Lu}\p{Lt}]+": LETTER | UPPER,
    r"\p{Ll}+": LETTER | LOWER,
    r"[\p{Lm}\p{Lo}]+": LETTER | UPPER | LOWER,
    r"\p{M}+": OTHER | UPPER | LOWER,
    r"\p{N}+": NUMBER,
    r"\s+": SPACE,
}


@cache
def kinds_of_characters() -> Bytes:
    """Return the kinds of every code point as bits. The surrogates, which are not characters, count as other signs."""
    kinds = np.full(sys.maxunicode + 1, OTHER, np.uint8)
    for first, end in ((0, 0xD800), (0xE000, sys.maxunicode + 1)):
        characters = np.arange(first, end, dtype="<u4").tobytes().decode("utf-32-le")
        for pattern, kind in _KINDS.items():
            for match in regex.finditer(pattern, characters):
                kinds[first + match.start() : first + match.end()] = kind
    kinds[[0x0A, 0x0D]] |= NEWLINE
    kinds[ord("/")] |= SLASH
    return kinds


@inlined
def width(first: int) -> int:
    """Return how many bytes a character takes, by its first byte."""
    if first < 0x80:
        return 1
    if first < 0xE0:
        return 2
    return 3 if first < 0xF0 else 4


@inlined
def kind_at(text: Address, place: int, kinds: Address) -> int:
    """Return the kinds of the character that begins at `place`."""
    code = first = byte_at(text, place)
    if first >= 0x80:
        second = byte_at(text, place + 1) & 0x3F
        if first < 0xE0:
            code = (first & 0x1F) << 6 | second
        else:
            third = byte_at(text, place + 2) & 0x3F
            if first < 0xF0:
                code = (first & 0x0F) << 12 | second << 6 | third
            else:
                code = (first & 0x07) << 18 | second << 12 | third << 6 | byte_at(text, place + 3) & 0x3F
    return byte_at(kinds, code)


@compiled
def run_end(text: Address, place: int, end: int, kinds: Address, wanted: int) -> int:
    """Return where the run of characters of the wanted kinds that begins at `place` ends."""
    while place < end and kind_at(text, place, kinds) & wanted:
        place += width(byte_at(text, place))
    return place
