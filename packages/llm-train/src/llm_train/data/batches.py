"""Batches as a pure function of their number: there is nothing to save, and a resumed run reads the same ones."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from llm_train.data.batch import IGNORE_INDEX, Batch
from llm_train.data.documents import document_targets
from llm_train.data.keys import ORDER, hashed, row_keys
from llm_train.data.permutation import permuted
from llm_train.data.tokens import TokenFile
from llm_train.data.windows import window_count, window_starts

Numbers = NDArray[np.int64]
Row = tuple[Numbers, Numbers, Numbers]
"""TokenFile, targets, and the number of the document of each token."""


class StreamBatches:
    """Training batches of windows that are cut out of all documents in one long row."""

    def __init__(
        self, text: TokenFile, *, context_length: int, batch: int, seed: int,
        mask_documents: bool = False, with_row_keys: bool = False,
    ) -> None:  # fmt: skip
        """Take the text.

        Args:
            text: the tokens.
            context_length: tokens of a window.
            batch: windows of a batch.
            seed: of the order.
            mask_documents: whether a document neither sees nor predicts others.
            with_row_keys: whether each row has a key for its random draws.

        Raises:
            TrainError: the text does not fill one window.
        """
        self.text, self.context_length, self.batch, self.seed = text, context_length, batch, seed
        self.mask_documents, self.with_row_keys = mask_documents, with_row_keys
        self.windows = window_count(len(text), context_length)

    def __call__(self, number: int) -> Batch:
        """Return the batch of one pass; passes are counted over all updates and processes."""
        samples = np.arange(number * self.batch, (number + 1) * self.batch)
        # A sample's number is of the whole run, which so counts as one pass, 0: a row keeps its key however its
        # update is cut into passes and processes.
        keys = row_keys(self.seed, 0, samples) if self.with_row_keys else None
        return _stacked([*self._rows(samples)], self.mask_documents, keys)

    def _rows(self, samples: Numbers) -> Iterator[Row]:
        for start in window_starts(samples, len(self.text), self.context_length, self.seed).tolist():
            yield _row(self.text, start, self.context_length, self.mask_documents)


class PackedBatches(StreamBatches):
    """Training batches of windows that are packed with whole documents."""

    def __init__(
        self, text: TokenFile, *, context_length: int, batch: int, seed: int,
        mask_documents: bool = False, with_row_keys: bool = False,
    ) -> None:  # fmt: skip
        """Take a text that has a table of packed windows; the rest is as for `StreamBatches`."""
        super().__init__(
            text, context_length=context_length, batch=batch, seed=seed,
            mask_documents=mask_documents, with_row_keys=with_row_keys,
        )  # fmt: skip
        assert text.packed is not None, "only a packed text"
        self.packed, self.windows = text.packed, len(text.packed)

    def _rows(self, samples: Numbers) -> Iterator[Row]:
        for sample in samples.tolist():
            epoch, index = divmod(sample, self.windows)
            order = int(hashed(ORDER, self.seed, epoch))
            yield self._packed_row(int(permuted(index, self.windows, order)))

    def _packed_row(self, window: int) -> Row:
        """Return a window: its pieces side by side, and after them nothing that counts."""
        pieces = self.packed.pieces(window)
        rest = self.context_length - sum(length for _, length in pieces)
        tokens, targets, documents = [], [], []
        for number, (start, length) in enumerate(pieces):
            some, wanted, _ = _row(self.text, start, length, True)
            tokens.append(some)
            targets.append(wanted)
            documents.append(np.full(length, number))
        tokens.append(np.full(rest, self.text.header.separator or 0))
        targets.append(np.full(rest, IGNORE_INDEX))
        documents.append(np.full(rest, len(pieces)))
        return np.concatenate(tokens), np.concatenate(targets), np.concatenate(documents)


def consecutive_batches(
    text: TokenFile,
    *,
    context_length: int,
    batch: int,
    windows: Sequence[int] | None = None,
    mask_documents: bool = False,
) -> Iterator[Batch]:
    """Yield adjacent windows in order, for validation: every token but the first is a target exactly once.

    Args:
        text: the tokens.
        context_length: tokens of a window.
        batch: windows of a batch.
        windows: only these; None takes all of them, and the shorter rest at the end as a batch of its own.
        mask_documents: whether a document neither sees nor predicts others.
    """
    whole = (len(text) - 1) // context_length
    starts = [window * context_length for window in (range(whole) if windows is None else windows)]
    for first in range(0, len(starts), batch):
        some = starts[first : first + batch]
        yield _stacked([_row(text, start, context_length, mask_documents) for start in some], mask_documents)
    rest = len(text) - 1 - whole * context_length
    if windows is None and rest:
        yield _stacked([_row(text, whole * context_length, rest, mask_documents)], mask_documents)


def _row(text: TokenFile, start: int, length: int, apart: bool) -> Row:
    """Return tokens of the row and what they must predict; `apart`: nothing of another document."""
    ids = text.read(start, length + 1)
    ends = text.ends(start, length + 1) if apart else np.zeros(0, np.int64)
    targets, documents = document_targets(ids, ends, text.header.separator)
    learned = text.learned(start + 1, length)
    if learned is not None:
        targets[~learned] = IGNORE_INDEX
    return ids[:-1], targets, documents


def _stacked(rows: Sequence[Row], mask_documents: bool, keys: Numbers | None = None) -> Batch:
    tokens, targets, documents = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
    return Batch(
        tokens=tokens,
        targets=targets,
        documents=documents if mask_documents else None,
        row_keys=None if keys is None else torch.from_numpy(keys),
    )
