"""Count pre-tokens: all that training needs to know of the texts.

The texts are read one by one, a long one in parts, and gathered into batches. Each batch is counted on its own, in
this process or in several. The batches do not depend on the number of processes, and neither do the counts.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from llm_tokenizer.bpe.safe_parts import ordinary_parts
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.interface import TokenizerError, require_count, require_texts
from llm_tokenizer.special import SpecialTokens, any_of, utf8

BATCH_CHARACTERS = 1 << 22


def count_pre_tokens(
    texts: Iterable[str],
    pattern: str,
    *,
    special_tokens: Sequence[str] = (),
    processes: int = 1,
    max_unique_pre_tokens: int | None = None,
) -> Counter[str]:
    """Return how often each pre-token occurs in the texts.

    In memory are one text, one batch of 4 million characters for each process and one more, and about 100 bytes for
    each unique pre-token: all texts together may be larger than memory, and with `read_parts` so may a single one.
    Unique pre-tokens grow slowly, about as the square root of the text. Where they would still be too many,
    `max_unique_pre_tokens` is a firm bound.

    Args:
        texts: Documents, one string each.
        pattern: The name of the rule that splits a text into pre-tokens.
        special_tokens: Nothing is counted across one of them, and none is counted itself.
        processes: How many processes count; the result is the same.
        max_unique_pre_tokens: When there are more unique pre-tokens, the rarest are dropped until half as many are
            left. One that is dropped was rare so far; if it comes back, its count begins at zero.

    Source: Manku and Motwani 2002, Approximate Frequency Counts over Data Streams.
    """
    find_pattern(pattern)
    SpecialTokens(special_tokens)
    require_count("processes", processes)
    if max_unique_pre_tokens is not None:
        require_count("max_unique_pre_tokens", max_unique_pre_tokens)
    pre_tokens: Counter[str] = Counter()
    batches = _batches(require_texts("texts", texts), special_tokens)
    counted = (_count_batch(batch, pattern) for batch in batches)
    for counts in counted if processes == 1 else _count_in_processes(batches, pattern, processes):
        pre_tokens.update(counts)
        if max_unique_pre_tokens is not None and len(pre_tokens) > max_unique_pre_tokens:
            _drop_the_rarest(pre_tokens, max_unique_pre_tokens // 2)
    return pre_tokens


def between_special(text: str, special_tokens: Sequence[str]) -> list[str]:
    """Return the parts of a text between special tokens; where two could begin at one place, the longest is taken."""
    return re.split(any_of(special_tokens), text) if special_tokens else [text]


def _batches(texts: Iterable[str], special_tokens: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        for part in _parts(text, special_tokens):
            batch.append(part)
            size += len(part)
            if size >= BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
    yield batch


def _parts(text: str, special_tokens: Sequence[str]) -> Iterable[str]:
    """Return a text between its special tokens, a long one in parts that have the pre-tokens of the whole."""
    if len(text) <= BATCH_CHARACTERS:
        utf8(text, what="texts")
        return between_special(text, special_tokens)
    # It is in memory already, so a chunk of any length without a place to cut costs no more than that again.
    return ordinary_parts([text], special_tokens, longest=len(text))


def _count_batch(texts: list[str], pattern: str) -> Counter[str]:
    rule = find_pattern(pattern)
    chunks: Counter[str] = Counter()
    for text in texts:
        chunks.update(rule.chunks(text))
    # Text repeats itself, so only the distinct chunks are split further.
    once = [chunk for chunk, count in chunks.items() if count == 1]  # most of them; `Counter` itself is fast
    pre_tokens = Counter(chain.from_iterable(map(rule.pre_tokens, once)))
    for chunk, count in chunks.items():
        if count > 1:
            for pre_token in rule.pre_tokens(chunk):
                pre_tokens[pre_token] += count
    return pre_tokens


def _count_in_processes(batches: Iterator[list[str]], pattern: str, processes: int) -> Iterator[Counter[str]]:
    """Yield the counts of the batches in their order, with at most one batch more than processes under way."""
    from concurrent.futures import Future, ProcessPoolExecutor  # slow to import
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
        raise TokenizerError("processes: a worker was killed (out of memory?); use fewer") from None


def _drop_the_rarest(pre_tokens: Counter[str], kept: int) -> None:
    """Drop the rarest pre-tokens, and of equally rare ones all, until at most `kept` are left."""
    floor = sorted(pre_tokens.values(), reverse=True)[kept]
    for pre_token in [pre_token for pre_token, count in pre_tokens.items() if count <= floor]:
        del pre_tokens[pre_token]
