"""Find the end of words; of English ones eight letters at a time.

One addition tests each byte of a 64-bit integer. No byte carries into the next one, because the highest bit of each is
cleared first; after the addition it means "at least `a`" or "beyond `z`".
"""

from __future__ import annotations

from numpy import uint64

from llm_tokenizer.bpe.fast.characters import LETTER, LOWER, NEWLINE, NUMBER, UPPER, kind_at, run_end, width
from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.instructions import Address, byte_at, load8, trailing_zeros

_EVERY_BYTE = 0x0101010101010101
_HIGH_BITS = uint64(0x80 * _EVERY_BYTE)
_LOW_BITS = uint64(0x7F * _EVERY_BYTE)
_CASE = uint64(0x20 * _EVERY_BYTE)
_FROM_A = uint64((0x80 - ord("a")) * _EVERY_BYTE)
_BEYOND_Z = uint64((0x7F - ord("z")) * _EVERY_BYTE)
_FIRST_BYTE = uint64(0xFF)
_SPACE = uint64(0x20)
_FIRST_HIGH_BIT = uint64(0x80)


@inlined
def ascii_letters(word: uint64) -> uint64:
    """Return the highest bit of each byte that is one of A to Z and a to z."""
    small = (word | _CASE) & _LOW_BITS
    return (small + _FROM_A) & ~(small + _BEYOND_Z) & ~word & _HIGH_BITS


@inlined
def count_leading(flags: uint64) -> int:
    """Return how many of the eight bytes, from the first on, have their highest bit set in `flags`."""
    return trailing_zeros(~flags & _HIGH_BITS) >> 3


@inlined
def plain_word_end(text: Address, place: int) -> int:
    """Return the end of an English word of up to 15 bytes, a space before it included; `place` where there is none.

    This is the common case of every pattern that splits between letters and anything else: one or no space, ASCII
    letters, and after them an ASCII character that is not a letter. The text's end counts as one, since it is padded.
    """
    word = load8(text, place)
    flags = ascii_letters(word)
    if word & _FIRST_BYTE == _SPACE:
        if not (flags >> uint64(8)) & _FIRST_HIGH_BIT:
            return place
        flags |= _FIRST_HIGH_BIT
    length = count_leading(flags)
    if length == 8:
        length += count_leading(ascii_letters(load8(text, place + 8)))
        if length == 16:
            return place
    return place + length if byte_at(text, place + length) < 0x80 else place


@compiled
def letters_end(text: Address, place: int, end: int, kinds: Address) -> int:
    """Return where the run of letters, of any script, that begins at `place` ends."""
    while True:
        length = count_leading(ascii_letters(load8(text, place)))
        place += length
        if length < 8:
            return place if byte_at(text, place) < 0x80 else run_end(text, place, end, kinds, LETTER)


@compiled
def cased_word_end(text: Address, place: int, end: int, kinds: Address) -> int:
    """Return the end of a word with its leading sign, or `place` where there is none; o200k makes two of "HelloWorld".

    Small letters with or without capitals before them are tried first, with a leading sign and then without one; an
    accent can be the sign and can be a letter. Then come capitals alone.
    """
    start = place
    if not kind_at(text, place, kinds) & (LETTER | NUMBER | NEWLINE):
        start += width(byte_at(text, place))
    edge = small_letters_end(text, start, end, kinds)
    if edge > start:
        return edge
    edge = small_letters_end(text, place, end, kinds)
    if edge > place:
        return edge
    edge = run_end(text, start, end, kinds, UPPER)
    return edge if edge > start else place


@compiled
def small_letters_end(text: Address, place: int, end: int, kinds: Address) -> int:
    """Return the end of capitals followed by at least one small letter; `place` where there are none.

    Letters without case count as both. So where no small letter follows, the last one without case is taken for it.
    """
    edge = caseless = place
    while edge < end:
        kind = kind_at(text, edge, kinds)
        if not kind & UPPER:
            break
        edge += width(byte_at(text, edge))
        if kind & LOWER:
            caseless = edge
    if edge < end and kind_at(text, edge, kinds) & LOWER:
        return run_end(text, edge, end, kinds, LOWER)
    return caseless
