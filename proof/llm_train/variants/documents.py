"""Documents, written otherwise; the specification must accept it."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from llm_tokenizer.conformance import Alternatives
from proof.llm_train.witnesses.documents import TorchWitness

VARIANTS = Alternatives(correct=True)
Array = np.ndarray[Any, Any]

VARIANTS.of("train.document_targets")("comparisons of everything with everything")(TorchWitness.document_targets)
VARIANTS.of("train.pack_documents")("a table of rooms")(TorchWitness.pack_documents)
VARIANTS.of("train.hold_out")("sums from the end")(TorchWitness.hold_out)


@VARIANTS.of("train.document_targets")("a difference that is summed, as lists", arrays="lists")
def summed(tokens: list[int], ends: list[int], separator: int | None) -> tuple[list[int], list[int]]:
    row = list(pairwise(tokens))
    steps, targets = [0] * (len(row) + 2), [after for _, after in row]
    for end in ends:
        if 1 <= end <= len(row):
            is_shared = tokens[end - 1] == separator and separator is not None
            steps[end - is_shared] += 1
            if not is_shared:
                targets[end - 1] = -100
    steps[0] = 0
    return targets, list(accumulate(steps))[: len(row)]


@VARIANTS.of("train.pack_documents")("windows as lists, sorted at the end", arrays="numpy")
def sorted_windows(lengths: Array, context_length: int) -> list[Array]:
    queue = sorted(
        (-min(context_length, length - start), document, start)
        for document, length in enumerate(map(int, lengths))
        for start in range(0, length, context_length)
    )
    windows: list[list[tuple[int, int, int]]] = []
    rooms: list[int] = []
    for size, document, start in queue:
        fits = np.array([room + size if room + size >= 0 else context_length + 1 for room in rooms], dtype=int)
        if not len(fits) or fits.min() > context_length:
            rooms.append(context_length)
            windows.append([])
            fits = np.append(fits + context_length + 1, 0)
        rooms[fits.argmin()] += size
        windows[fits.argmin()].append((document, start, -size))
    rows = [(*piece, number) for number, window in enumerate(windows) for piece in window]
    return [np.array([row[column] for row in rows], dtype=np.int64) for column in range(4)]


@VARIANTS.of("train.hold_out")("recursion from the end", arrays="numpy")
def recursion(sizes: Sequence[int], most: int) -> tuple[int, int]:
    total = sum(sizes)
    if total < 20:
        raise ValueError("a text must have at least 20 characters")
    wanted = sorted((1, total // 10, most))[1] if most >= 1 else 1

    def before(count: int, missing: int) -> tuple[int, int]:
        if missing <= 0:
            return count, 0
        size = sizes[count - 1]
        if size <= missing + wanted:
            return before(count - 1, missing - size)
        return (count, 0) if 2 * missing <= wanted else (count - 1, size - missing)

    return before(len(sizes), wanted)
