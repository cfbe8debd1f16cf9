"""What kind of character stands where: a table over all of Unicode, and its reading from UTF-8.

The kinds are read off the `regex` library itself, since the split patterns are defined by what it matches. Another
version of Unicode in another library would cut a few characters differently.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import regex

from llm_tokenizer.fast.compiling import Bytes, compiled

LETTER = 1
NUMBER = 2
SPACE = 4
NEWLINE = 8  # carriage return and line feed, which are white space as well
OTHER = 16  # neither letter nor number nor white space
UPPER = 32  # what o200k lets stand at the front of a word: capitals, and letters without case
LOWER = 64  # what it lets stand at the end
SLASH = 128

_KINDS = {
    LETTER: r"\p{L}+",
    NUMBER: r"\p{N}+",
    SPACE: r"\s+",
    NEWLINE: r"[\r\n]+",
    OTHER: r"[^\s\p{L}\p{N}]+",
    UPPER: r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+",
    LOWER: r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    SLASH: "/+",
}


@cache
def kinds_of_characters() -> Bytes:
    """The kinds of every code point as bits; 0 for the surrogates, which are no characters."""
    kinds = np.zeros(sys.maxunicode + 1, np.uint8)
    for first, last in ((0, 0xD7FF), (0xE000, sys.maxunicode)):
        characters = "".join(map(chr, range(first, last + 1)))
        for kind, pattern in _KINDS.items():
            for match in regex.finditer(pattern, characters):
                kinds[first + match.start() : first + match.end()] |= kind
    return kinds


@compiled
def width(first: int) -> int:
    """How many bytes a character takes, by its first byte."""
    if first < 0x80:
        return 1
    if first < 0xE0:
        return 2
    return 3 if first < 0xF0 else 4


@compiled
def kind_at(text: Bytes, place: int, kinds: Bytes) -> int:
    """The kinds of the character that begins at `place`."""
    first = np.int64(text[place])
    if first < 0x80:
        return kinds[first]
    second = np.int64(text[place + 1]) & 0x3F
    if first < 0xE0:
        return kinds[(first & 0x1F) << 6 | second]
    third = np.int64(text[place + 2]) & 0x3F
    if first < 0xF0:
        return kinds[(first & 0x0F) << 12 | second << 6 | third]
    fourth = np.int64(text[place + 3]) & 0x3F
    return kinds[(first & 0x07) << 18 | second << 12 | third << 6 | fourth]


@compiled
def run_end(text: Bytes, place: int, end: int, kinds: Bytes, wanted: int) -> int:
    """Where the run of characters of the wanted kinds that begins at `place` ends."""
    while place < end and kind_at(text, place, kinds) & wanted:
        place += width(text[place])
    return place
