"""Whole documents side by side in windows: which part of which document goes into which window."""

from bisect import bisect_left, insort
from collections import defaultdict
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llm_train.interface import TrainError

Numbers = NDArray[np.int64]


class Pieces(NamedTuple):
    """Parts of documents, window by window; the first axis of each array is the piece."""

    document: Numbers
    offset: Numbers
    """Tokens of the document before the piece."""
    length: Numbers
    window: Numbers


def pack_documents(lengths: ArrayLike, context_length: int) -> Pieces:
    """Return which piece of which document goes into which window: whole documents wherever they fit.

    Why it works:
        Windows that are cut out of one long row begin in the middle of documents, and most documents are cut. Packing
        keeps each whole that fits into a window. The longest come first, as one packs a suitcase: what is small still
        finds a gap later on. Best fit takes the window that will be fullest, and so keeps large gaps for large pieces.

    Nothing is dropped: a document that is longer than a window fills windows with its beginning, and its rest is
    packed like a document of its own.

    Args:
        lengths: tokens of each document, in their order.
        context_length: tokens of a window.

    Returns:
        The pieces, ordered by window, and within a window by when they were packed.

    Raises:
        TrainError: a length is negative, or a window would hold nothing.

    Spec: train.pack_documents
    Source: Johnson 1973, Near-optimal Bin Packing Algorithms; Ding et al. 2024, Fewer Truncations Improve Language
        Modeling.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    if context_length < 1 or (sizes < 0).any():
        raise TrainError("context_length must be at least 1, and lengths at least 0")
    document, offset, length = _cut(sizes, context_length)
    order = np.argsort(-length, kind="stable")
    window = np.empty(len(order), np.int64)
    window[order] = _best_fit(length[order].tolist(), context_length)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    ordered = np.lexsort((place, window))
    return Pieces(document[ordered], offset[ordered], length[ordered], window[ordered])


def _cut(sizes: Numbers, most: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return the pieces in the order of the documents: as many full windows as each has, then its rest."""
    counts = -(-sizes // most)
    document = np.repeat(np.arange(len(sizes)), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    offset = (np.arange(len(document)) - before) * most
    return document, offset, np.minimum(sizes[document] - offset, most)


def _best_fit(lengths: list[int], most: int) -> list[int]:
    """Return the window of each length: of those in which it fits the fullest, of equally full ones the first."""
    windows_of = defaultdict[int, list[int]](list)  # by the room that is left, each a heap
    rooms: list[int] = []  # those that some window has, in order
    chosen, opened = [], 0
    for length in lengths:
        found = bisect_left(rooms, length)
        if found < len(rooms):
            room = rooms[found]
            window = heappop(windows_of[room])
            if not windows_of[room]:
                del rooms[found]
        else:
            room, window, opened = most, opened, opened + 1
        if room > length:  # what is full is not looked at again
            if not windows_of[room - length]:
                insort(rooms, room - length)
            heappush(windows_of[room - length], window)
        chosen.append(window)
    return chosen
