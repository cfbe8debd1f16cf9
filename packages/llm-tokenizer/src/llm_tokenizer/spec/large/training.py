"""Large cases of learning merges."""

from __future__ import annotations

from itertools import pairwise

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.spec.large.characters import of_every_category
from llm_tokenizer.spec.large.texts import chosen, words, zipf

LARGE = LargeCases()
large = LARGE.of("tokenizer.train_bpe")


@large(5, "counts that drift from merge to merge, ties among ids above 511")
def hundreds_of_merges(g: Generator) -> Inputs:
    """Words with a space before them."""
    pieces = [f" {word}" for word in zipf(g, words(g, 400), 1100)]
    return {"pieces": pieces, "vocab_size": 256 + 300}


@large(3, "counts in 8 or 16 bits, counts as 32-bit floats, a limit on the pieces")
def frequent_pairs(g: Generator) -> Inputs:
    """(a, b) occurs 70,000 times, (c, d) 75,000 times; one piece is long, and there are many."""
    pieces = ["ab" * 30_000, *["ab", "cd"] * 40_000, "cd" * 35_000, *["ef"] * 36_000]
    return {"pieces": pieces, "vocab_size": 256 + 3}


@large(3, "how often a piece occurs, in 8 or 16 bits")
def frequent_pieces(g: Generator) -> Inputs:
    """One occurs 70,001 times and another 70,002 times."""
    return {"pieces": ["ab", *["ab", "cd"] * 70_000, "cd", "cd"], "vocab_size": 256 + 2}


@large(7, "a limit on the length of a token, or on the merges in one piece")
def a_token_of_hundreds_of_bytes(g: Generator) -> Inputs:
    """A piece that becomes one token, and the beginning of it."""
    long = "".join(words(g, 260))
    return {"pieces": [long, long, long[:300], "é" * 37], "vocab_size": 1500}


@large(1, "characters normalized, dropped or ordered by code point while learning")
def characters_of_every_kind(g: Generator) -> Inputs:
    """Each before and after others, so that their first bytes are frequent."""
    pieces = [one + other for one, other in pairwise(chosen(g, of_every_category(), 1500))]
    return {"pieces": pieces, "vocab_size": 256 + 40}


@large(clause=5, catches="bytes ordered by the characters that represent them")
def ties_of_bytes_that_are_not_shown(g: Generator) -> Inputs:
    """0x7F is shown by a character after that of 0xC3."""
    return {"pieces": ["\x7fa", "é", "\xa0b", "\x00c"], "vocab_size": 256 + 4}
