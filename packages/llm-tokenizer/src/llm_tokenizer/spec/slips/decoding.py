"""Slips in decoding."""

from __future__ import annotations

from llm_tokenizer import reference
from llm_tokenizer.conformance.specification import slip
from llm_tokenizer.reference.byte_pair import Merges

DECODE = "tokenizer.decode_bpe"


@slip(DECODE, "token by token", "a character may lie in two tokens: join the bytes before you make characters of them")
def token_by_token(ids: list[int], merges: Merges) -> bytes:
    return "".join(reference.decode_bpe([id], merges).decode("utf-8", "replace") for id in ids).encode()


@slip(DECODE, "replaced bytes", "bytes that are no UTF-8 must come back as they are, not as U+FFFD")
def replaced(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe(ids, merges).decode("utf-8", "replace").encode()


@slip(DECODE, "bytes left out", "bytes that are no UTF-8 must come back as they are, not vanish")
def left_out(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe(ids, merges).decode("utf-8", "ignore").encode()


@slip(DECODE, "ids as characters", "an id below 256 is a byte, not a character")
def as_characters(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe(ids, merges).decode("latin-1").encode()


@slip(DECODE, "right part first", "a merged token is its left part, then its right part")
def right_part_first(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe(ids, [[right, left] for left, right in merges])


@slip(DECODE, "ids from the end", "a negative id must raise ValueError, not count from the end as Python's lists do")
def from_the_end(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe([id % (256 + len(merges)) if id < 0 else id for id in ids], merges)


@slip(DECODE, "unknown ids passed over", "an id that does not exist must raise ValueError, not vanish")
def unknown_passed_over(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe([id for id in ids if id < 256 + len(merges)], merges)


@slip(DECODE, "blanks between tokens", "the bytes of tokens follow one another with nothing between")
def blanks_between(ids: list[int], merges: Merges) -> bytes:
    return b" ".join(reference.decode_bpe([id], merges) for id in ids)


@slip(DECODE, "stripped", "blanks at the ends belong to the text")
def stripped(ids: list[int], merges: Merges) -> bytes:
    return reference.decode_bpe(ids, merges).strip()
