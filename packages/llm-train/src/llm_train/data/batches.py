"""Batches as a pure function of (seed, step): there is nothing to save, and a resumed run reads the same ones.

The text is cut into windows. Each epoch visits each window once, in an order of its own, and the cuts are shifted a
little, so that no token is always at the edge of a window:

    epoch 0   |-- window 7 --|-- window 2 --| …       sample number  = step · batch + row
    epoch 1     |-- window 0 --|-- window 9 --| …     its epoch      = sample number // windows
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from llm_train.data.batch import Batch
from llm_train.interface import TrainError


def window_count(tokens: int, context_length: int) -> int:
    """Return how many windows an epoch has; one is given up so that the cuts can be shifted.

    Raises:
        TrainError: the text does not fill one window.
    """
    if tokens < 2 * context_length + 1:
        most = (tokens - 1) // 2
        raise TrainError(
            f"the corpus has {tokens} training tokens, but a context_length of {context_length} needs at least "
            f"{2 * context_length + 1}: use more text"
            + (f", or a smaller context_length (--set context_length={most})" if most > 1 else "")
        )
    return (tokens - 1) // context_length - 1


class ShuffledBatches:
    """The training batches of a text: called with a step number, it returns the tokens and the targets of that step.

    Both are (batch, context_length); target i is the token after token i.
    """

    def __init__(self, ids: NDArray[np.unsignedinteger], *, context_length: int, batch: int, seed: int) -> None:
        """Take the text as ids.

        Raises:
            TrainError: the text does not fill one window.
        """
        self.ids, self.context_length, self.batch, self.seed = ids, context_length, batch, seed
        self.windows = window_count(len(ids), context_length)

    def __call__(self, step: int) -> Batch:
        """Return the tokens and targets of one step."""
        samples = range(step * self.batch, (step + 1) * self.batch)
        return _cut(self.ids, [self._start(*divmod(sample, self.windows)) for sample in samples], self.context_length)

    def _start(self, epoch: int, index: int) -> int:
        order, shift = _epoch(self.seed, epoch, self.windows, self.context_length)
        return int(order[index]) * self.context_length + shift


def consecutive_batches(
    ids: NDArray[np.unsignedinteger], *, context_length: int, batch: int, windows: Sequence[int] | None = None
) -> Iterator[Batch]:
    """Yield adjacent windows in order, for validation: every token but the first is a target exactly once.

    Args:
        ids: the text.
        context_length: tokens of a window.
        batch: windows of a batch.
        windows: only these; None takes all of them, and the shorter rest at the end as a batch of its own.
    """
    whole = (len(ids) - 1) // context_length
    starts = [window * context_length for window in (range(whole) if windows is None else windows)]
    for first in range(0, len(starts), batch):
        yield _cut(ids, starts[first : first + batch], context_length)
    rest = len(ids) - 1 - whole * context_length
    if windows is None and rest:
        yield _cut(ids, [whole * context_length], rest)


@lru_cache(maxsize=2)  # a step can reach from one epoch into the next
def _epoch(seed: int, epoch: int, windows: int, context_length: int) -> tuple[NDArray[np.int64], int]:
    """Return the order of the windows and the shift of the cuts."""
    generator = np.random.default_rng((seed, epoch))
    return generator.permutation(windows), int(generator.integers(context_length))


def _cut(ids: NDArray[np.unsignedinteger], starts: Sequence[int], length: int) -> Batch:
    rows = np.stack([ids[start : start + length + 1] for start in starts]).astype(np.int64)
    both = torch.from_numpy(rows)
    return Batch(tokens=both[:, :-1], targets=both[:, 1:])
