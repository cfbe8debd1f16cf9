"""`train_bpe`, compiled: the same tokenizer from the same texts, many times sooner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from llm_tokenizer.alphabet import tie_order
from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.fast.counting import PieceCounter
from llm_tokenizer.fast.learning import learn
from llm_tokenizer.fast.rows import lay_out
from llm_tokenizer.merging import Pair


def count_and_learn(texts: Iterable[str], wanted: int, pattern: str) -> list[Pair]:
    """The first `wanted` merges for these texts."""
    counter = PieceCounter(pattern)
    counter.add(texts)
    order = tie_order()
    numbers = np.empty(256, np.int32)
    numbers[list(order)] = range(256)
    row = lay_out(counter.table, counter.store, numbers, 256 + wanted)
    del counter  # its memory is needed now
    merges = learn(row, wanted).tolist()
    return [(order[left] if left < 256 else left, order[right] if right < 256 else right) for left, right in merges]
