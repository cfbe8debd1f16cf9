"""Characters of which two libraries say different things, since their tables are of different versions of Unicode.

Unicode grows every year. A library with older tables takes a new letter for no letter, and a new accent for no accent:
it cuts there, or does not put two accents in order. Which characters these are is found out by asking both libraries
about every one.
"""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

import regex
import tiktoken
from tokenizers import Regex, normalizers, pre_tokenizers

CLASSES = (r"\p{L}", r"\p{N}", r"\s")
CASED = (*CLASSES, r"\p{M}", r"\p{Lu}", r"\p{Lt}", r"\p{Ll}", r"\p{Lm}", r"\p{Lo}")  # what o200k asks for
CODES = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
EVERY = "".join(map(chr, CODES))
# To the left of a mark of the highest class every other mark is moved, and of one of the lowest none is.
HIGHEST = "\u0345"


@cache
def differing(library: str, pattern: str | None, *, normalizes: bool = False) -> frozenset[str]:
    """The characters to which a library gives another class than `regex`, or another normal form than Python."""
    if pattern is None:  # sentencepiece asks nothing about a character
        return frozenset()
    in_library = _in_tiktoken if library.startswith("tiktoken") else _in_tokenizers
    classes = CASED if pattern == "o200k" else CLASSES
    found = {character for name in classes for character in _in_regex(name) ^ in_library(name)}
    if pattern == "smollm":
        found |= _in_regex(r"\p{N}") ^ _digits_in_tokenizers()
    return frozenset(found | _normalized_otherwise() if normalizes else found)


def _in_regex(name: str) -> set[str]:
    return set("".join(regex.findall(f"{name}+", EVERY)))


def _in_tiktoken(name: str) -> set[str]:
    """What no alternative of a pattern matches is left out there, so that the ids are the bytes of the others."""
    bytes_alone = {bytes([byte]): byte for byte in range(256)}
    probe = tiktoken.Encoding("probe", pat_str=name, mergeable_ranks=bytes_alone, special_tokens={})
    return set(bytes(probe.encode_ordinary(EVERY)).decode())


def _in_tokenizers(name: str) -> set[str]:
    keep = pre_tokenizers.Split(Regex(f"{name}+"), behavior="removed", invert=True)
    return set("".join(piece for piece, _ in keep.pre_tokenize_str(EVERY)))


def _digits_in_tokenizers() -> set[str]:
    """`Digits`, which SmolLM2 has, asks tables of its own: what it takes for a digit stands alone."""
    cut = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
    numbers = _in_regex(r"\p{N}")
    known = {piece for piece, _ in cut("a".join(["", *sorted(numbers), ""]))} & numbers
    more = {piece for piece, _ in cut("".join(character for character in EVERY if character not in numbers))}
    return known | {piece for piece in more if len(piece) == 1}


def _normalized_otherwise() -> set[str]:
    """New marks, that a library with older tables does not put in order, and new characters that are made of others."""
    nfc, nfd = normalizers.NFC(), normalizers.NFD()
    found = set()
    for code in CODES:
        character = chr(code)
        marked = f"q{HIGHEST}{character}"
        parts = unicodedata.normalize("NFD", character), nfd.normalize_str(character)
        if parts[0] != parts[1]:
            found |= {character, *parts[0], *parts[1]}
        if unicodedata.normalize("NFC", marked) != nfc.normalize_str(marked):
            found.add(character)
    return found
