"""Large cases of decoding id by id."""

from __future__ import annotations

from itertools import product

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.spec.large.characters import edges, of_every_category, put_in
from llm_tokenizer.spec.large.texts import chosen
from llm_tokenizer.spec.large.vocabulary import Learner, vocabulary

LARGE = LargeCases()
large = LARGE.of("tokenizer.stream_decode")


def cut(g: Generator, data: bytes) -> Inputs:
    """Cut bytes everywhere, into tokens of up to three bytes."""
    learner, ids, start = Learner(), list[int](), 0
    for length in (g.whole(len(data), below=3) + 1).tolist():
        ids += [learner.row(data[start : start + length])] if start < len(data) else []
        start += length
    return {"ids": ids, "merges": learner.merges}


@large(2, "characters of a certain kind or plane lost or held back, a byte order mark")
def byte_by_byte(g: Generator) -> Inputs:
    """Every byte a token."""
    return {"ids": [*put_in("¤", edges()).encode(), *put_in("¤¤a", of_every_category()).encode()], "merges": []}


@large(2, "bytes of a long token lost, or a character in three tokens")
def cut_everywhere(g: Generator) -> Inputs:
    """Characters of all kinds in any order."""
    return cut(g, "".join(chosen(g, [*edges(), *of_every_category()], 1000)).encode())


@large(4, "a first byte with a second one that cannot follow, whichever they are")
def every_two_bytes(g: Generator) -> Inputs:
    """All first bytes with all second ones."""
    ids = [id for first, second in product(range(0xBE, 256), range(256)) for id in (first, second, 65)]
    return {"ids": ids, "merges": []}


@large(3, "one sign too many or too few for what is broken off")
def broken_bytes(g: Generator) -> Inputs:
    """Bytes that begin, continue and end characters in any order, cut everywhere."""
    borders = [
        0, 65, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
        0xEF,
    ]  # fmt: skip
    borders += [0x80, 0xBF, 0x80, 0xBF, 0xF0, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 0xED, 0xF0, 0x90, 0x80]
    return cut(g, bytes(chosen(g, borders, 4000)))


@large(1, "ids in 16 bits")
def ids_to_70_000(g: Generator) -> Inputs:
    """Few of them, for who makes a table of all tokens for every id."""
    _, merges = vocabulary(70_000)
    return {"ids": g.whole(50, below=70_256).tolist(), "merges": merges}


@large(2, "line ends that are changed, a null or a byte order mark within a token")
def line_ends_within_tokens(g: Generator) -> Inputs:
    """Carriage returns, alone and with a line feed."""
    learner = Learner()
    rows = [b"\r\n", b"\n\r", b"a\r", b"\r\n\r\n", b"\x00\r", b"\xef\xbb\xbf\r\n"]
    ids = [learner.row(row) for row in rows]
    return {"ids": [*ids, 13, 10, *ids[::-1], 13], "merges": learner.merges}


@large(2, "a limit on the length of a token")
def a_long_token(g: Generator) -> Inputs:
    """Of 301 bytes."""
    return {"ids": [555, 33], "merges": [[61, 61], *([256 + k, 61] for k in range(299))]}
