"""Slips in decoding."""

from __future__ import annotations

from functools import reduce
from operator import add

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.decode_bpe")
slip("token by token", "a character may lie in two tokens: join the bytes before you make characters of them")(
    lambda ids, merges: "".join(reference.decode_bpe([id], merges).decode("utf-8", "replace") for id in ids).encode()
)
slip("replaced bytes", "bytes that are not UTF-8 are returned as they are, not as U+FFFD")(
    lambda ids, merges: reference.decode_bpe(ids, merges).decode("utf-8", "replace").encode()
)
slip("bytes left out", "bytes that are not UTF-8 are returned as they are, not vanish")(
    lambda ids, merges: reference.decode_bpe(ids, merges).decode("utf-8", "ignore").encode()
)
slip("ids as characters", "an id below 256 is a byte, not a character")(
    lambda ids, merges: reference.decode_bpe(ids, merges).decode("latin-1").encode()
)
slip("right part first", "a merged token is its left part, then its right part")(
    lambda ids, merges: reference.decode_bpe(ids, [[right, left] for left, right in merges])
)
slip("ids from the end", "a negative id must raise ValueError, not count from the end as Python's lists do")(
    lambda ids, merges: reference.decode_bpe([id % (256 + len(merges)) if id < 0 else id for id in ids], merges)
)
slip("unknown ids passed over", "an id that does not exist must raise ValueError, not vanish")(
    lambda ids, merges: reference.decode_bpe([id for id in ids if id < 256 + len(merges)], merges)
)
slip("spaces between tokens", "the bytes of tokens follow one another with nothing between")(
    lambda ids, merges: b" ".join(reference.decode_bpe([id], merges) for id in ids)
)
slip("stripped", "spaces at the ends belong to the text")(lambda ids, merges: reference.decode_bpe(ids, merges).strip())
slip("fails on nothing", "no ids are no bytes; a sum of no parts needs a start")(
    lambda ids, merges: reduce(add, [reference.decode_bpe([id], merges) for id in ids])
)
