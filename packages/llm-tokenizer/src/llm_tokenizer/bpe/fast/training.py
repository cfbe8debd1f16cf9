"""`train_bpe`, compiled: the same tokenizer from the same texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from llm_tokenizer.bpe.byte_unicode import tie_order
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.fast.counting import PreTokenCounter
from llm_tokenizer.bpe.fast.learning import BYTE_PAIRS, merge_most_frequent
from llm_tokenizer.bpe.fast.token_sequence import lay_out
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.bpe.training import Progress, check_enough, wanted_merges


def train_bpe(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = "gpt2",
    special_tokens: Sequence[str] = (),
    min_frequency: int = 1,
    allow_smaller: bool = False,
    progress: Progress | None = None,
) -> BytePairTokenizer:
    """Learn a byte-pair tokenizer from texts: the one that `llm_tokenizer.train_bpe` returns.

    Why it works: three quarters of the work is to count the words of the texts, which the encoder's scanner does at
    the speed of memory. The rest is the same merges in the same order, on flat arrays (see `learning.py`).

    The arguments mean the same; `progress` is called once, at the end, as `progress(merges, merges wanted)`. The texts
    are read one by one, by one process.

    Raises:
        TokenizerError: `vocab_size` is too small for the bytes, or larger than the texts can yield.

    Spec: tokenizer.train_bpe
    """
    wanted = wanted_merges(vocab_size, special_tokens, min_frequency)
    counter = PreTokenCounter(pattern)
    counter.add(texts, special_tokens)
    merges = learn_from_counts(counter, wanted, min_frequency)
    if progress:
        progress(len(merges), wanted)
    check_enough(vocab_size, wanted - len(merges), min_frequency, allow_smaller)
    return BytePairTokenizer(merges, pattern=pattern, special_tokens=special_tokens)


def learn_from_counts(counter: PreTokenCounter, wanted: int, min_frequency: int = 1) -> list[Pair]:
    """Return the first `wanted` merges for the pre-tokens that were counted.

    Inside, a byte is numbered by its position in `tie_order`, as in `bpe/training.py`.
    """
    order = tie_order()
    numbers = np.empty(256, np.int32)
    numbers[list(order)] = range(256)
    row = lay_out(counter.table, counter.store, numbers, 256 + wanted)
    lists = np.empty(3 * len(row.tokens), np.int32)  # each merge makes the row a token shorter and adds two places
    counts, sizes, ends, seen = np.zeros((4, max(256 + wanted, BYTE_PAIRS)), np.int64)
    merges = merge_most_frequent(*row, lists, counts, sizes, ends, seen, wanted, min_frequency).tolist()
    return [(order[left] if left < 256 else left, order[right] if right < 256 else right) for left, right in merges]
