"""Batches as a pure function of (seed, step): nothing to save, nothing to lose when a run goes on.

The text is cut into windows. Every epoch visits each window once, in an order of its own, and the cuts move a little,
so that no token always stands at the edge of a window:

    epoch 0   |-- window 7 --|-- window 2 --| …       sample number  = step · batch + row
    epoch 1     |-- window 0 --|-- window 9 --| …     its epoch      = sample number // windows
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llm_train.interface import TrainError


def window_count(tokens: int, context: int) -> int:
    """How many windows an epoch has; one is given up so that the cuts can move.

    Raises:
        TrainError: the text does not fill one window.
    """
    if tokens < 2 * context + 1:
        raise TrainError(
            f"the corpus gives {tokens} training tokens, but a context of {context} needs at least {2 * context + 1}: "
            "use more text or a smaller context"
        )
    return (tokens - 1) // context - 1


def batch_at(
    ids: NDArray[np.unsignedinteger], *, context: int, batch: int, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """The tokens and the targets of one step, each (batch, context); target i is the token after token i."""
    windows = window_count(len(ids), context)
    starts = [_start(seed, *divmod(step * batch + row, windows), windows, context) for row in range(batch)]
    return _cut(ids, starts, context)


def consecutive_batches(
    ids: NDArray[np.unsignedinteger], *, context: int, batch: int, windows: Sequence[int] | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows side by side, in order: every token but the first is a target exactly once. For validation.

    Args:
        ids: the text.
        context: tokens of a window.
        batch: windows of a batch.
        windows: only these; None takes all, and the shorter rest at the end as a batch of its own.
    """
    whole = (len(ids) - 1) // context
    chosen = range(whole) if windows is None else windows
    starts = [window * context for window in chosen]
    for first in range(0, len(starts), batch):
        yield _cut(ids, starts[first : first + batch], context)
    rest = len(ids) - 1 - whole * context
    if windows is None and rest:
        yield _cut(ids, [whole * context], rest)


def _start(seed: int, epoch: int, index: int, windows: int, context: int) -> int:
    order, shift = _epoch(seed, epoch, windows, context)
    return int(order[index]) * context + shift


@lru_cache(maxsize=2)  # a step may reach from one epoch into the next
def _epoch(seed: int, epoch: int, windows: int, context: int) -> tuple[NDArray[np.int64], int]:
    """The order of the windows and the shift of the cuts."""
    generator = np.random.default_rng((seed, epoch))
    return generator.permutation(windows), int(generator.integers(context))


def _cut(ids: NDArray[np.unsignedinteger], starts: Sequence[int], length: int) -> tuple[Tensor, Tensor]:
    rows = np.stack([ids[start : start + length + 1] for start in starts]).astype(np.int64)
    both = torch.from_numpy(rows)
    return both[:, :-1], both[:, 1:]
