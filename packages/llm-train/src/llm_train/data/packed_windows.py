"""Windows packed with whole documents, as a table on disk: made once, then any window can be looked up.

The documents are packed group by group, in their order: a group has the documents that begin within so many windows'
worth of tokens. So any number of documents is packed in little memory, and at most one window of each group is left
partly empty for want of a document that fits.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.files.writing import atomic_write, write_json
from llm_train.data.packing import pack_documents
from llm_train.data.tokens import TokenFile
from llm_train.interface import TrainError

FORMAT = "llm-train packing 1"
GROUP = 256
"""Windows' worth of tokens in a group."""
_NUMBER = np.dtype("<i8")

Numbers = NDArray[np.int64]


class PackedWindows:
    """Which pieces of a text stand in which window."""

    def __init__(self, firsts: Numbers, pieces: Numbers) -> None:
        """Take the number of the first piece of each window, and of all, and the start and length of each piece."""
        self._firsts, self._pieces = firsts, pieces

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def pieces(self, window: int) -> list[tuple[int, int]]:
        """Return start and length of each piece of a window."""
        first, end = self._firsts[window : window + 2].tolist()
        return [(start, length) for start, length in self._pieces[first:end].tolist()]


def pack_windows(path: Path, text: TokenFile, context_length: int) -> PackedWindows:
    """Pack a text and write the table beside `path` (.json).

    Raises:
        TrainError: there is nothing to pack.
    """
    pieces = windows = 0
    with ExitStack() as files:
        starts = files.enter_context(atomic_write(path.with_suffix(".pieces")))
        firsts = files.enter_context(atomic_write(path.with_suffix(".windows")))
        for begins, lengths in _groups(text, context_length):
            packed = pack_documents(lengths, context_length)
            starts.write(
                np.stack([begins[packed.document] + packed.offset, packed.length], 1).astype(_NUMBER).tobytes()
            )
            opened = np.flatnonzero(np.diff(packed.window, prepend=-1))
            firsts.write((opened + pieces).astype(_NUMBER).tobytes())
            pieces, windows = pieces + len(packed.length), windows + len(opened)
        firsts.write(np.array([pieces], _NUMBER).tobytes())
    if not windows:
        raise TrainError(f"{text.path}: has no document with a token to predict; use more text")
    about = {"format": FORMAT, "context_length": context_length, "tokens": len(text)}
    write_json(path, about | {"windows": windows, "pieces": pieces})
    return open_windows(path, text, context_length)


def open_windows(path: Path, text: TokenFile, context_length: int) -> PackedWindows:
    """Open the table that `pack_windows` wrote.

    Raises:
        TrainError: it is damaged, or was made for another text or another length of windows.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        made_for = (about["format"], about["context_length"], about["tokens"])
        if made_for != (FORMAT, context_length, len(text)):
            raise ValueError("it was made for another text or context_length")
        firsts = np.memmap(path.with_suffix(".windows"), dtype=_NUMBER, mode="r", shape=(about["windows"] + 1,))
        pieces = np.memmap(path.with_suffix(".pieces"), dtype=_NUMBER, mode="r", shape=(about["pieces"], 2))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainError(f"{path}: cannot be read as packed windows ({error}); delete it and start again") from None
    return PackedWindows(firsts, pieces)


def _groups(text: TokenFile, context_length: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield start and length of the documents of each group, each document from its separator on, if there is one."""
    inputs, before = len(text) - 1, 0
    for ends in chain(text.all_ends(), [np.array([len(text)])]):
        shared = text.at(ends - 1) == text.header.separator
        borders = np.concatenate([[before], np.minimum(ends - shared, inputs)])
        before = int(borders[-1])
        begins, lengths = borders[:-1], np.diff(borders)
        begins, lengths = begins[lengths > 0], lengths[lengths > 0]
        group = (np.cumsum(lengths) - lengths) // (GROUP * context_length)
        cuts = np.flatnonzero(np.diff(group)) + 1
        yield from zip(np.split(begins, cuts), np.split(lengths, cuts), strict=True)
