"""Which part of the text is read as which sample: windows in a new order, and with new cuts, in each epoch.

epoch 0   |-- window 7 --|-- window 2 --| …       sample number  = pass · batch + row
epoch 1     |-- window 0 --|-- window 9 --| …     its epoch      = sample number // windows
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llm_train.data.keys import ORDER, SHIFT, hashed
from llm_train.data.permutation import permuted
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


def window_starts(samples: ArrayLike, tokens: int, context_length: int, seed: int) -> NDArray[np.int64]:
    """Return at which token the window of each sample begins.

    Formula:
        epoch, i = divmod(sample, windows), with windows = ⌊(tokens − 1) / context_length⌋ − 1
        start = permuted(i, windows, hash(1, seed, epoch)) · context_length + hash(2, seed, epoch) mod context_length

    Why it works:
        Each epoch visits every window once, in an order of its own. Its cuts are shifted, so that no token is always
        at the edge of a window, where it is predicted from little. Nothing but the number of the sample decides, so
        there is nothing to save, and a run that is resumed, or is cut over other machines, reads the same.

    Args:
        samples: numbers of samples since the beginning of the run, from 0, in any shape.
        tokens: of the whole text.
        context_length: tokens of a window; it also needs the one after it, as a target.
        seed: of the run.

    Returns:
        The starts, in the shape of `samples`.

    Raises:
        TrainError: the text does not fill a window.

    Spec: train.window_starts
    """
    numbers = np.asarray(samples, dtype=np.int64)
    windows = window_count(tokens, context_length)
    epochs, places = np.divmod(numbers, windows)
    starts = np.empty_like(numbers)
    for epoch in np.unique(epochs):  # one or two for a batch
        there = epochs == epoch
        order = permuted(places[there], windows, int(hashed(ORDER, seed, epoch)))
        starts[there] = order * context_length + int(hashed(SHIFT, seed, epoch)) % context_length
    return starts
