"""Large cases of counting and merging pairs."""

from __future__ import annotations

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases
from llm_tokenizer.spec.large.texts import chosen, words, zipf

LARGE = LargeCases()
large = LARGE.of("tokenizer.count_pairs")

BORDERS = (256, 1000, 4096, 10_000, 32_768, 50_257, 65_536, 100_000, 131_072)


def near_borders() -> list[int]:
    """Return ids in a row whose pairs are told apart only by both ids in full, whatever number they are packed with."""
    rows = ((left, 5 + border, left + 1, 5, left + 1 + border, 5) for border in BORDERS for left in (1, 7))
    return [id for row in rows for id in (*row, row[2], row[1], 0)]


@large(2, "two ids packed into one number that is too small, ids in 16 bits")
def ids_beyond_every_border(g: Generator) -> Inputs:
    """Some pairs again and again, and many once."""
    some = chosen(g, [0, 1, 255, 256, 65_535, 65_536, 65_537, 131_072, 199_999], 20_000)
    return {"words": [near_borders(), some, g.whole(20_000, below=200_000).tolist()]}


@large(1, "counts in 16 bits, a run that is counted otherwise when it is long")
def seventy_thousand_times(g: Generator) -> Inputs:
    """In one word, and in many."""
    return {"words": [[97] * 70_001, [98, 99] * 70_000, *([100, 101] for _ in range(66_000))]}


@large(3, "a limit on the number of words, or equal words counted once")
def seventy_thousand_words(g: Generator) -> Inputs:
    """Frequent and rare ones."""
    return {"words": [list(word.encode()) for word in zipf(g, words(g, 9000), 40_000)] + [[k] for k in range(30_000)]}


large = LARGE.of("tokenizer.merge_pair")


@large(3, "ids compared by their last 8 or 16 bits, or by one packed number")
def neighbors_alike(g: Generator) -> Inputs:
    """Other pairs are (8, 5) too when packed or cut."""
    word = near_borders() + chosen(g, [8, 5, 65_541, 65_544, 264, 261], 60_000)
    return {"word": word, "pair": [8, 5], "new": 199_999}


@large(clause=3, catches="ids that are compared as objects, or as characters of a text")
def ids_that_are_surrogates(g: Generator) -> Inputs:
    """Equal ids are different objects here; as characters they would be halves of pairs."""
    word = g.whole(900, below=2).tolist()
    return {"word": [0xD83D + 0x0400 * id for id in word], "pair": [0xD83D, 0xDC3D], "new": 199_999}


@large(2, "a long run replaced in blocks of its own, recursion")
def a_long_run(g: Generator) -> Inputs:
    """An odd number of equal ids, and others before and after."""
    return {"word": [5, *[150_000] * 131_075, 6, *[150_000] * 3], "pair": [150_000, 150_000], "new": 150_001}


@large(1, "places in 16 bits, a limit on the number of places")
def many_places(g: Generator) -> Inputs:
    """Bytes of which many are the pair."""
    return {"word": chosen(g, [97, 98, 98, 99, 300, 70_000], 80_000), "pair": [97, 98], "new": 300}


@large(clause=1, catches="id 0 taken for no id at all")
def pairs_with_id_0(g: Generator) -> Inputs:
    """On the left."""
    return {"word": [1, 0, 5, 0, 5, 0], "pair": [0, 5], "new": 256}
