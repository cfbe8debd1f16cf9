"""Find the end of words as o200k splits them, where a capital begins a new one: "HelloWorld" is "Hello", "World"."""

from __future__ import annotations

from llm_tokenizer.bpe.fast.characters import LETTER, LOWER, NEWLINE, NUMBER, UPPER, kind_at, run_end, width
from llm_tokenizer.bpe.fast.compiling import compiled
from llm_tokenizer.bpe.fast.instructions import Address, byte_at


@compiled
def cased_word_end(text: Address, place: int, end: int, kinds: Address) -> int:
    """Return the end of a word with its leading sign, or `place` where there is none.

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
