"""`split_text` by hand against two engines of regular expressions, for every character that Unicode 14 knows.

The reference asks Python's `unicodedata`, our quick way the library `regex`, and `tokenizers` Oniguruma or tables of
its own in Rust. Left out are the characters that were assigned after Unicode 14 or were given another category since,
and those of which a library's own tables say other things (`unicode_tables.differing`).
"""

from __future__ import annotations

import sys
import unicodedata

import pytest
import regex
from tokenizers import __version__
from unicode_tables import differing

from llm_tokenizer import reference
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.spec.large.characters import edges, put_in
from proof.llm_tokenizer.witnesses import PretrainedTokenizer

CHANGED = {0x0295}  # a small letter up to Unicode 15, a letter without case since
CODES = [
    code
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co") and code not in CHANGED
]
EVERYWHERE = "¤ ¤¤a¤B ¤1¤¤.¤'s\n¤"
ALONGSIDE = "¤\n¤¤\na¤b A¤¤B ¤a 1¤¤2 ¤ '¤ ¤'s ¤'S '¤¤' .¤. ¤\r\n¤/¤ \t¤\u00a0¤¤¤1234¤x \n"
AT_ONCE = 5_000


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="the reference then knows newer characters too")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_character_of_unicode_14_in_every_neighborhood(pattern: str) -> None:
    unlike = {ord(character) for character in differing(f"tokenizers {__version__}", pattern)}
    compared = 0
    parts = [(EVERYWHERE, CODES[start : start + AT_ONCE]) for start in range(0, len(CODES), AT_ONCE)]
    parts.append((ALONGSIDE, sorted({ord(character) for character in edges()}.intersection(CODES))))
    for place, some in parts:
        text = put_in(place, map(chr, some))
        pieces = reference.split_text(text, pattern)
        assert pieces == regex.findall(PATTERNS[pattern].split, text), _first(some, place, pattern)
        known = [code for code in some if code not in unlike]
        text = put_in(place, map(chr, known))
        pieces = pieces if len(known) == len(some) else reference.split_text(text, pattern)
        assert pieces == PretrainedTokenizer.split_text(text, pattern), _first(known, place, pattern)
        compared += len(known)
    assert compared > len(CODES) > 140_000
    assert len(unlike.intersection(CODES)) < 20


def test_those_that_changed_are_those_that_are_named() -> None:
    """The categories of `regex`, whose tables are newer, are those of Unicode 14 for all others."""
    kinds = ("Lu", "Ll", "Lt", "Lm", "Lo", "M", "N", "Z", "P", "S", "C")
    names = {kind: set(regex.findall(rf"\p{{{kind}}}", "".join(map(chr, CODES)))) for kind in kinds}
    for code in CODES:
        kind = unicodedata.category(chr(code))
        assert chr(code) in names[kind if kind[0] == "L" else kind[0]], f"U+{code:04X}"


def _first(codes: list[int], place: str, pattern: str) -> str:
    """Say which character is cut otherwise."""
    for code in codes:
        text = put_in(place, chr(code))
        ours = reference.split_text(text, pattern)
        for theirs in (regex.findall(PATTERNS[pattern].split, text), PretrainedTokenizer.split_text(text, pattern)):
            if ours != theirs:
                return f"U+{code:04X}: {ours} and not {theirs}"
    return "only together"
