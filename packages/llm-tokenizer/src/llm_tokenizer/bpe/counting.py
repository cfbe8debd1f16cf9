"""How often each piece stands in the texts: all that learning needs to know of them.

The texts are read one by one, a long one in parts, and gathered into batches. Each batch is counted on its own, here
or in several processes. The batches are the same whatever the number of processes, and so are the counts.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from llm_tokenizer.bpe.boundaries import last_safe_place
from llm_tokenizer.bpe.safe_parts import safe_parts
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens, utf8

BATCH = 1 << 22  # characters


def count_pieces(
    texts: Iterable[str],
    pattern: str,
    *,
    special_tokens: Sequence[str] = (),
    processes: int = 1,
    max_unique_pieces: int | None = None,
) -> Counter[str]:
    """How often each piece stands in the texts.

    In memory are one text, one batch of 4 million characters for each process and one more, and about 100 bytes for
    each different piece: all texts together may be larger than memory, and with `read_parts` a single one may, too.
    Different pieces grow slowly, about as the square root of the text. Where they would still be too many,
    `max_unique_pieces` is a firm bound.

    Args:
        texts: Documents, one string each.
        pattern: The name of the rule that cuts a text into pieces.
        special_tokens: Each is an edge that nothing is counted across, and is not counted itself.
        processes: How many processes count; the result is the same.
        max_unique_pieces: When there are more different pieces, the rarest are forgotten until half as many are left. A
            piece that is forgotten was rare so far; should it come back, its count begins anew.

    Source: Manku and Motwani 2002, Approximate Frequency Counts over Data Streams.
    """
    find_pattern(pattern)
    SpecialTokens(special_tokens)
    require_count("processes", processes)
    if max_unique_pieces is not None:
        require_count("max_unique_pieces", max_unique_pieces)
    if isinstance(texts, str):
        raise TokenizerError("texts: must be a collection of texts, was one string; put it into a list")
    if not isinstance(texts, Iterable):
        raise TokenizerError(f"texts: must be a collection of texts, was {texts!r:.40}")
    pieces: Counter[str] = Counter()
    batches = _batches(texts, special_tokens)
    counted = (_count_batch(batch, pattern) for batch in batches)
    for counts in counted if processes == 1 else _count_in_processes(batches, pattern, processes):
        pieces.update(counts)
        if max_unique_pieces is not None and len(pieces) > max_unique_pieces:
            _forget_the_rarest(pieces, max_unique_pieces // 2)
    return pieces


def between_special(text: str, special_tokens: Iterable[str]) -> list[str]:
    """The parts of a text between special tokens; where two could begin at one place, the longest is taken."""
    names = sorted(special_tokens, key=len, reverse=True)
    return re.split("|".join(map(re.escape, names)), text) if names else [text]


def require_count(name: str, value: object) -> None:
    """An error that names the argument, unless the value is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TokenizerError(f"{name}: must be a whole number of at least 1, was {value!r}")


def _batches(texts: Iterable[str], special_tokens: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TokenizerError(f"texts[{place}]: must be a string, was of type {type(text).__name__}")
        for part in _parts(text, special_tokens):
            batch.append(part)
            size += len(part)
            if size >= BATCH:
                yield batch
                batch, size = [], 0
    yield batch


def _parts(text: str, special_tokens: Sequence[str]) -> Iterable[str]:
    """A text between its special tokens; a long one in parts that have the pieces of the whole."""
    if len(text) <= BATCH:
        utf8(text, what="texts")
        return between_special(text, special_tokens)
    # It is in memory already, so a stretch of any length without a place to cut costs no more than that again.
    parts = safe_parts([text], special_tokens, last_safe_place, longest=len(text))
    return (part for part, is_special in parts if not is_special)


def _count_batch(texts: list[str], pattern: str) -> Counter[str]:
    rule = find_pattern(pattern)
    stretches: Counter[str] = Counter()
    for text in texts:
        stretches.update(rule.stretches(text))
    # Text repeats itself, so only the distinct stretches are cut finely.
    once = [stretch for stretch, count in stretches.items() if count == 1]  # most of them; `Counter` itself is quick
    pieces = Counter(chain.from_iterable(map(rule.pieces, once)))
    for stretch, count in stretches.items():
        if count > 1:
            for piece in rule.pieces(stretch):
                pieces[piece] += count
    return pieces


def _count_in_processes(batches: Iterator[list[str]], pattern: str, processes: int) -> Iterator[Counter[str]]:
    """The counts of the batches in their order, with no more batches under way than there are processes, and one."""
    from concurrent.futures import Future, ProcessPoolExecutor  # takes longer to import than most of the package
    from concurrent.futures.process import BrokenProcessPool

    under_way: deque[Future[Counter[str]]] = deque()
    try:
        with ProcessPoolExecutor(processes) as pool:
            for batch in batches:
                under_way.append(pool.submit(_count_batch, batch, pattern))
                if len(under_way) > processes:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
    except BrokenProcessPool:
        raise TokenizerError(
            "processes: one of them was ended from outside, perhaps for want of memory; use fewer"
        ) from None


def _forget_the_rarest(pieces: Counter[str], kept: int) -> None:
    """Drop the rarest pieces, and of equally rare ones all, until at most `kept` are left."""
    floor = sorted(pieces.values(), reverse=True)[kept]
    for piece in [piece for piece, count in pieces.items() if count <= floor]:
        del pieces[piece]
