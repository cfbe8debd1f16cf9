"""The split patterns of `splitting.py` as state machines that read each character once.

Each function returns the end of the pre-token that begins at `place`. A test compares them with the regular expressions
on strings from all of Unicode. The order of the conditions is that of the alternatives there.
"""

from __future__ import annotations

from llm_tokenizer.bpe.fast.characters import LETTER, NEWLINE, NUMBER, OTHER, SLASH, SPACE, kind_at, run_end, width
from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.instructions import Address, byte_at
from llm_tokenizer.bpe.fast.words import cased_word_end, letters_end, plain_word_end

GPT2, SMOLLM, CL100K, LLAMA3, QWEN2, O200K, WHOLE = range(7)
RULES = {"gpt2": GPT2, "smollm": SMOLLM, "cl100k": CL100K, "llama3": LLAMA3, "qwen2": QWEN2, "o200k": O200K}

_SPACE = ord(" ")
_QUOTE = ord("'")
_D, _E, _L, _M, _R, _S, _T, _V = b"delmrstv"


@compiled
def contraction_end(text: Address, place: int, end: int, any_case: bool) -> int:
    """Return the end of 's, 't, 're, 've, 'm, 'll or 'd at `place`, or `place` where there is none of them."""
    if place + 1 >= end or byte_at(text, place) != _QUOTE:
        return place
    case = 0x20 if any_case else 0
    first = byte_at(text, place + 1) | case
    if first in (_S, _D, _M, _T):
        return place + 2
    if place + 2 >= end:
        return place
    second = byte_at(text, place + 2) | case
    if (first == _L and second == _L) or (second == _E and first in (_V, _R)):
        return place + 3
    if any_case and byte_at(text, place + 1) == 0xC5 and byte_at(text, place + 2) == 0xBF:
        return place + 3  # U+017F, the long s of old prints: without regard to case it is an s
    return place


@compiled
def space_end(text: Address, place: int, end: int, kinds: Address, line_ends: int, whole_before: int) -> int:
    """Return the end of white space: all of it but the last character, which belongs to what follows.

    Args:
        text: The bytes.
        place: Where white space begins.
        end: Where the text ends.
        kinds: What each character is.
        line_ends: 0: line breaks are white space like any other. 1: a pre-token ends after the last of them.
            2: the same, but white space at the end of the text is one pre-token.
        whole_before: Before characters of these kinds the last character stays with the others.
    """
    after = last = last_line = place
    while after < end:
        kind = kind_at(text, after, kinds)
        if not kind & SPACE:
            break
        last = after
        after += width(byte_at(text, after))
        if kind & NEWLINE:
            last_line = after
    if line_ends and last_line > place and not (line_ends == 2 and after == end):
        return last_line
    if after == end or last == place or kind_at(text, after, kinds) & whole_before:
        return after
    return last


@compiled
def gpt2_end(text: Address, place: int, end: int, kinds: Address, rule: int) -> int:
    """Split as GPT-2: contractions, then letters, numbers or other signs with a space before them, then white space.

    SmolLM takes every digit alone, without a space, and then the white space before it stays whole.
    """
    edge = contraction_end(text, place, end, False)
    if edge > place:
        return edge
    start = place
    if byte_at(text, place) == _SPACE and place + 1 < end:
        start += 1
    kind = kind_at(text, start, kinds)
    if kind & LETTER:
        return letters_end(text, start, end, kinds)
    if kind & OTHER or (kind & NUMBER and rule == GPT2):
        return run_end(text, start, end, kinds, kind & (NUMBER | OTHER))
    if kind_at(text, place, kinds) & NUMBER:
        return place + width(byte_at(text, place))
    return space_end(text, place, end, kinds, 0, NUMBER if rule == SMOLLM else 0)


@compiled
def modern_end(text: Address, place: int, end: int, kinds: Address, rule: int) -> int:
    """Split as since GPT-4: any one sign may lead a word, numbers are short, line breaks end a pre-token."""
    kind = kind_at(text, place, kinds)
    if rule == O200K:
        edge = cased_word_end(text, place, end, kinds)
        if edge > place:
            return max(edge, contraction_end(text, edge, end, True))
    else:
        edge = contraction_end(text, place, end, True)
        if edge > place:
            return edge
        if kind & LETTER:
            return letters_end(text, place, end, kinds)
        edge = place + width(byte_at(text, place))
        if not kind & (NEWLINE | NUMBER) and edge < end and kind_at(text, edge, kinds) & LETTER:
            return letters_end(text, edge, end, kinds)
    if kind & NUMBER:
        return digits_end(text, place, end, kinds, 1 if rule == QWEN2 else 3)
    edge = place
    if byte_at(text, place) == _SPACE and place + 1 < end:
        edge += 1
    if kind_at(text, edge, kinds) & OTHER:
        edge = run_end(text, edge, end, kinds, OTHER)
        return run_end(text, edge, end, kinds, NEWLINE | SLASH if rule == O200K else NEWLINE)
    return space_end(text, place, end, kinds, 2 if rule == CL100K else 1, 0)


@compiled
def digits_end(text: Address, place: int, end: int, kinds: Address, most: int) -> int:
    """Return the end of a run of numbers, after `most` of them at the latest."""
    for _ in range(most):
        if place < end and kind_at(text, place, kinds) & NUMBER:
            place += width(byte_at(text, place))
    return place


@inlined
def pre_token_end(text: Address, place: int, end: int, kinds: Address, rule: int) -> int:
    """Return the end of the pre-token that begins at `place`, by the rule of that number; `WHOLE` does not split."""
    if rule < O200K:  # o200k splits words where capitals begin
        edge = plain_word_end(text, place)
        if edge > place:
            return edge
    if rule <= SMOLLM:
        return gpt2_end(text, place, end, kinds, rule)
    return end if rule == WHOLE else modern_end(text, place, end, kinds, rule)
