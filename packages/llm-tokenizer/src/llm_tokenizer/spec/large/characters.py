"""Characters of every general category and plane, which are what they are in every version of Unicode since 14.

Most come from Python's table of Unicode 3.2: of a character that had its category then and has it now, no library says
otherwise. From the newer ones some of each category and plane are listed here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

# Of each category and plane that has them: the first, the last and four between, of those added from 3.2 to 14.
_NEWER = """
A7 AA AD 221 23A 2B9 2EF 2FC 350 58D 58F 5BE 602 605 606 7C0 8E2 8E9 93B 9FB B72 D59 D77 13C6 1400 1715 17F3 18E7 194B
1A1F 1A65 1A71 1ABE 1B51 1C29 1C57 1CB5 1CE2 1D0E 1D33 1D59 1DAD 2054 2055 2066 2069 20B4 20B8 20BD 2185 2188 2308 2309
23F9 270B 27C0 27CC 27EC 27ED 2B36 2B40 2B4C 2B94 2C57 2C8C 2CFD 2D34 2DFD 2E02 2E03 2E04 2E05 2E09 2E0A 2E0C 2E0D 2E1A
2E1C 2E1D 2E20 2E21 2E24 2E25 2E32 2E3A 2E40 2E55 2E56 2E5B 2E5C 2E5D 31D2 A015 A5A3 A64F A670 A671 A672 A6E7 A6EA A6EC
A6EF A708 A714 A724 A7F5 A835 A838 A875 A8C2 A998 A9D3 AB36 AB69 ABBF ABEC ABF9 FAD9 FBB5 FBC2 FDFF FE2F FE47 FE48 FF65
10000 10100 10107 10137 10140 10162 101FD 10426 1044E 104A0 10576 105A5 10780 10794 107A8 109C3 10C90 10CDD 10E6B 10EAD
10F56 11000 110BD 1113E 1123B 11340 11347 1163E 11643 11656 118A9 118DD 11A53 11C2F 11C41 11C53 11FC7 11FDD 11FDE 11FDF
11FE0 120AD 12409 1242A 1244C 1246E 13431 13434 13436 16974 16B41 16B51 16E56 16F66 16FF1 17A06 18602 1AFF1 1BCA0 1BCA3
1CF0D 1D91A 1DA45 1DF0D 1E2FF 1E921 1E943 1E94A 1E94B 1E95F 1EC85 1ECB0 1EEBB 1EEF0 1EEF1 1F10C 1F21C 1F3FB 1F3FC 1F3FD
1F3FE 1F3FF 1F586 1F87A 1FBCA 1FBF9 2A6D7 2B4BB 2C287 2D059 2DE1C 2EBE0 30000 303DC 307B7 30B93 30F6E 3134A E0100 E0130
E0160 E018F E01BF E01EF
"""
_PRIVATE = "\ue000\uf8ff\U000f0000\U000ffffd\U00100000\U0010fffd"
_NO_CHARACTERS = "\ufdd0\ufffe\uffff\U0001fffe\U0003ffff\U0010ffff"  # noncharacters, which will never be assigned
_CHANGED = "\u0295"  # a small letter up to Unicode 15

SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""White space as Unicode defines it."""

NO_SPACES = "\x00\x08\x0e\x1b\x1c\x1d\x1e\x1f\x7f\x84\x86\xad\u180e\u200b\u200c\u200d\u2060\u2800\u3164\ufeff\uffa0"
"""What looks like white space, or is it elsewhere, and is none in Unicode."""


@cache
def steady() -> tuple[str, ...]:
    """Return the characters of Unicode 3.2 that still have their category, without surrogates and private ones."""
    planes = (*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE1000))
    then, now = unicodedata.ucd_3_2_0.category, unicodedata.category
    every = ((character, now(character)) for character in map(chr, planes) if character not in _CHANGED)
    return tuple(
        character for character, kind in every if kind[0] != "C" or kind in ("Cc", "Cf") if then(character) == kind
    )


@cache
def edges() -> tuple[str, ...]:
    """Return the first and the last character of every run of one category, and all that are listed here."""
    found, before, kind = set(_listed()), "", ""
    for character in steady():
        now = unicodedata.category(character)
        if now != kind or ord(character) != ord(before) + 1:
            found |= {before, character} - {""}
        before, kind = character, now
    return tuple(sorted(found | {before}))


@cache
def of_every_category() -> tuple[str, ...]:
    """Return the first, the last and some between of each category in each plane."""
    groups: dict[tuple[int, str], list[str]] = {}
    for character in steady():
        groups.setdefault((ord(character) >> 16, unicodedata.category(character)), []).append(character)
    some = {group[k * (len(group) - 1) // 4] for group in groups.values() for k in range(5)}
    return tuple(sorted(some.union(_listed())))


def _listed() -> list[str]:
    return [*(chr(int(code, 16)) for code in _NEWER.split()), *_PRIVATE, *_NO_CHARACTERS, *SPACES, *NO_SPACES]


def put_in(place: str, characters: Iterable[str]) -> str:
    """Put each of the characters into a text, in place of ¤."""
    return "".join(place.replace("¤", character) for character in characters)
