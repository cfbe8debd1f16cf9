"""Large cases of encoding."""

from __future__ import annotations

from itertools import pairwise

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.reference.byte_pair import decode_bpe, encode_bpe
from llm_tokenizer.spec.large.characters import edges, of_every_category
from llm_tokenizer.spec.large.texts import chosen, words
from llm_tokenizer.spec.large.vocabulary import Learner, vocabulary

LARGE = LargeCases()
large = LARGE.of("tokenizer.encode_bpe")


@large(2, "ids in 16 bits, a limit on the merges, a table of merges with collisions")
def hundred_thousand_merges(g: Generator) -> Inputs:
    """A few words, most of which are one token of the last third: who looks for every merge in every piece has time."""
    known, merges = vocabulary(100_000)
    some = chosen(g, known[-9000:], 300)
    found = {decode_bpe([id], merges).decode() for id in encode_bpe(some, merges) if id > 65_535}
    late = [word for word in some if word in found][:12]
    last = encode_bpe(late[:1], merges)[0]
    alike = [[ord("y"), last - 65_536], [ord("x"), last]]  # the same number when packed as left << 16 | right
    return {"pieces": [*late, late[0] + late[1], *some[:3], "x" + late[0]], "merges": merges + alike}


@large(1, "a limit on the number of pieces, a cache of pieces that is full")
def seventy_thousand_pieces(g: Generator) -> Inputs:
    """Mostly of one character; some thousand different ones."""
    known, merges = vocabulary(40)
    return {"pieces": [*chosen(g, "abcdefgh\néß", 50_000), *known[:300], *words(g, 18_000)], "merges": merges}


@large(3, "places in 16 bits, a long piece that is cut")
def a_piece_beyond_64_kib(g: Generator) -> Inputs:
    """In which little can be merged: over a border of 2 to the n, and everywhere."""
    text = "".join(chosen(g, "xyz", 66_000))
    for border in (512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536):
        text = f"{text[: border - 1]}ab{text[border + 1 :]}"
    return {"pieces": [text, "b" + "aab" * 20, text[:4097]], "merges": [[97, 98], [97, 256], [120, 256], [122, 258]]}


@large(2, "another way for long pieces that gives other ids")
def a_long_piece_with_many_merges(g: Generator) -> Inputs:
    """Words without anything between them."""
    known, merges = vocabulary(3_000)
    return {"pieces": ["".join(chosen(g, known, 150)), "".join(chosen(g, known, 30)), "é" * 701], "merges": merges}


@large(1, "characters normalized, replaced or dropped before they are bytes")
def pieces_of_every_kind(g: Generator) -> Inputs:
    """Characters of all kinds, alone and after others."""
    learner = Learner()
    for character in of_every_category()[::2]:
        learner.row(character.encode())
    return {"pieces": [*edges(), *map("".join, pairwise(of_every_category()))], "merges": learner.merges}


@large(2, "the two ids of a merge packed into 12 or 16 bits each")
def merges_that_are_alike_when_packed(g: Generator) -> Inputs:
    """Every pair of bytes is a merge; (97, 98) comes first, and those that begin with 97 last."""
    left = [byte for byte in range(256) if byte != 97] + [97]
    merges = [[97, 98], *([one, other] for one in left for other in range(256) if (one, other) != (97, 98))]
    # The ids 98 + 2 to the n, each after an "a": packed it is the pair (97, 98), or a pair with 97 + 1 before it.
    alike = [merges[98 + 2**bits - 256] for bits in (9, 10, 11, 12, 13, 14, 15, 16)]
    pieces = [bytes([97, *pair]).decode("latin-1") for pair in alike if max(pair) < 128]
    return {"pieces": [*pieces, "ab"], "merges": merges}


@large(2, "the two ids of a merge packed into 15 bits each")
def merges_that_are_alike_in_15_bits(g: Generator) -> Inputs:
    """The pair (97, 2 to the 15th + 100) looks like (98, 100) or (97, 100)."""
    alike = [[97, 100], [98, 100]]
    pairs = ([one, other] for one in range(256) for other in range(256) if one != 97)
    merges = [*alike, *(pair for pair in pairs if pair not in [*alike, [120, 121]])][: 2**15 + 100 - 256]
    return {"pieces": ["axy", "ad", "bd"], "merges": [*merges, [120, 121], [97, 256 + len(merges)]]}


@large(3, "a limit on the number of merges in one piece")
def thousands_of_merges_in_a_piece(g: Generator) -> Inputs:
    """Each of them once."""
    merges = [[one, other] for one in range(97, 115) for other in range(33, 97)]
    return {"pieces": [" ".join(chr(one) + chr(other) for one, other in merges)], "merges": merges}
