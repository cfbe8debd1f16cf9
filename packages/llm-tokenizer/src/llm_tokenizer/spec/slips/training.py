"""Slips in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.reference.byte_pair import Merges, merge_pair, token_order
from llm_tokenizer.spec.slips.replacing import count_without_overlap, replace_from_the_right, replace_once

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.train_bpe")

Words = list[list[int]]


def _train(
    choose: Callable[[dict[tuple[int, int], int]], tuple[int, int]] | None = None,
    count: Callable[[Words], dict[tuple[int, int], int]] | None = None,
    replace: Callable[[list[int], list[int], int], list[int]] = merge_pair,
    start: Callable[[list[str]], Words] | None = None,
    least: int = 1,
) -> Callable[[list[str], int], Merges]:
    """The reference training with one of its steps exchanged."""

    def train_bpe(pieces: list[str], vocab_size: int) -> Merges:
        if vocab_size < 256:
            raise ValueError(vocab_size)
        words = start(pieces) if start else [list(piece.encode()) for piece in pieces]
        merges: Merges = []
        while 256 + len(merges) < vocab_size:
            counts = count(words) if count else _count(words)
            counts = {pair: number for pair, number in counts.items() if number >= least}
            if not counts:
                break
            left, right = choose(counts) if choose else min(counts, key=lambda pair: (-counts[pair], *_order(pair)))
            words = [replace(word, [left, right], 256 + len(merges)) for word in words]
            merges.append([left, right])
        return merges

    return train_bpe


def _count(words: Words) -> dict[tuple[int, int], int]:
    counts: Counter[tuple[int, int]] = Counter()
    for word in words:
        counts.update(pairwise(word))
    return counts


def _order(pair: tuple[int, int]) -> tuple[int, int]:
    return token_order(pair[0]), token_order(pair[1])


def _distinct(pieces: list[str]) -> Words:
    return [list(piece.encode()) for piece in dict.fromkeys(pieces)]


slip("ties by first seen", "of equally frequent pairs you take the one that was met first")(
    _train(choose=lambda counts: max(counts, key=lambda pair: counts[pair]))
)
slip("ties by the largest pair", "of equally frequent pairs you take the last in order, not the first")(
    _train(choose=lambda counts: max(counts, key=lambda pair: (counts[pair], *_order(pair))))
)
slip("ties by byte value", "bytes tie by the code point of their printable character: a letter before the space")(
    _train(choose=lambda counts: min(counts, key=lambda pair: (-counts[pair], *pair)))
)
slip("ties by the right token", "of equally frequent pairs the left tokens are compared first")(
    _train(choose=lambda counts: min(counts, key=lambda pair: (-counts[pair], *_order(pair)[::-1])))
)
slip("merged tokens before bytes", "of equally frequent pairs, bytes come before merged tokens")(
    _train(
        choose=lambda counts: min(counts, key=lambda pair: (-counts[pair], *((t < 256, token_order(t)) for t in pair)))
    )
)
slip("least frequent pair", "the most frequent pair is merged, not the least")(
    _train(choose=lambda counts: min(counts, key=lambda pair: (counts[pair], *_order(pair))))
)
slip("overlapping pairs counted once", "`aaa` holds the pair (a, a) at two places, and both count")(
    _train(count=count_without_overlap)
)
slip("counted once a piece", "a pair that occurs twice in a piece counts twice")(
    _train(count=lambda words: Counter(pair for word in words for pair in set(pairwise(word))))
)
slip("pieces not weighted", "a piece that is in the list twice counts twice")(_train(start=_distinct))
slip("merged across pieces", "no pair reaches from one piece into the next")(
    _train(start=lambda pieces: [[byte for piece in pieces for byte in piece.encode()]])
)
slip("characters instead of bytes", "a piece starts as its UTF-8 bytes, not as its code points")(
    _train(
        start=lambda pieces: [list(map(ord, piece)) for piece in pieces],
        choose=lambda counts: min(counts, key=lambda pair: (-counts[pair], *pair)),
    )
)
slip("replaced from the right", "the pair is replaced from left to right: `aaa` becomes (aa) a")(
    _train(replace=replace_from_the_right)
)
slip("replaced at one place only", "the pair is replaced wherever it is in a piece")(_train(replace=replace_once))
slip("pairs that occur once left out", "merging continues down to pairs that occur only once")(_train(least=2))
slip("merges wanted instead of ids", "vocab_size counts the 256 bytes as well")(
    lambda pieces, vocab_size: reference.train_bpe(pieces, vocab_size + 256 if vocab_size >= 256 else vocab_size)
)
slip("one merge too many", "vocab_size ids in all, not one more")(
    lambda pieces, vocab_size: reference.train_bpe(pieces, vocab_size + 1)
)


@slip("counts never renewed", "after a merge the neighbors have changed, and pairs must be counted anew")
def counted_once(pieces: list[str], vocab_size: int) -> Merges:
    reference.train_bpe([], vocab_size)
    counts = _count([list(piece.encode()) for piece in pieces])
    best = sorted(counts, key=lambda pair: (-counts[pair], *_order(pair)))
    return [list(pair) for pair in best[: vocab_size - 256]]
