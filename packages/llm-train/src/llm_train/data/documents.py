"""Documents side by side in one row of tokens: which token belongs to which, and what it may predict."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llm_layers.layers.loss import IGNORE_INDEX

Numbers = NDArray[np.int64]


def document_targets(tokens: ArrayLike, ends: ArrayLike, separator: int | None) -> tuple[Numbers, Numbers]:
    """Return the target of each token of a row but the last, and the number of its document.

    Formula:
        A document that ends before token e has its border there; if token e − 1 is the separator, before e − 1.
        documents[i] = how many borders b have 0 < b ≤ i
        targets[i]   = tokens[i + 1], or −100 where a document ends before token i + 1 and token i is no separator

    Why it works:
        Attention that stops at documents cannot know what the next one begins with, so the last token of a document
        must not be asked for it. A separator stands for two things at once: the end, which the document before it
        predicts, and the beginning, from which the document after it is predicted. So it is a target of the one and
        the first input of the other, and no token is lost.

            tokens      S  a  b  S  c  d  S
            targets     a  b  S  c  d  S        (S: separator)
            documents   0  0  0  1  1  1

    Args:
        tokens: the ids of a row, one more than there are inputs.
        ends: places in the row at which a document has ended: token e is the first that is not its own.
        separator: the id that ends every document; None if there is no such token.

    Returns:
        The targets, and the numbers of the documents, counted from 0 in each row.

    Spec: train.document_targets
    Source: Krell, Kosec, Perez and Fitzgibbon 2021, Efficient Sequence Packing without Cross-contamination.
    """
    ids = np.asarray(tokens, dtype=np.int64)
    inputs = len(ids) - 1
    after = np.asarray(ends, dtype=np.int64)
    after = after[(after > 0) & (after <= inputs)]
    shared = np.zeros(len(after), bool) if separator is None else ids[after - 1] == separator
    targets = ids[1:].copy()
    targets[after[~shared] - 1] = IGNORE_INDEX
    borders = after - shared
    begun = np.bincount(borders[(borders > 0) & (borders < inputs)], minlength=inputs)
    return targets, np.cumsum(begun, dtype=np.int64)
