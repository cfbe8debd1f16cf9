"""Which part of a text is held out for validation."""

from collections.abc import Sequence

from llm_train.interface import TrainError

PART = 10
"""One of this many parts is held out."""
MOST = 20_000_000
"""The most characters that are held out, by a corpus of any size: enough to measure a loss to three digits."""


def hold_out(sizes: Sequence[int], most: int = MOST) -> tuple[int, int]:
    """Return where the held-out part begins: the number of a document, and how many of its characters come before.

    Formula:
        wanted = max(1, min(⌊sum / 10⌋, most)). From the last document on, each is held out whole while the part stays
        within 2 · wanted, until it has at least wanted. A document that is too large for that is left for training if
        the part has at least half of what is wanted; else it is cut, so that the part has exactly what is wanted.

    Why it works:
        A model that was trained on the first half of a speech predicts the second half better than a text that it has
        never seen, so documents are held out whole. But documents can be of any size: of a note and a novel, one is
        too little to measure a loss, the other is nearly all there is to learn from. Then the better of two evils is a
        cut inside the novel.

    Args:
        sizes: characters of each document.
        most: the most characters that are wanted.

    Returns:
        The document, and the place in it; 0 means that it is held out whole.

    Raises:
        TrainError: there are fewer than 20 characters.

    Spec: train.hold_out
    """
    total = sum(sizes)
    if total < 2 * PART:
        raise TrainError(f"the text is too short to hold out a tenth of it: it has {total} characters; use more text")
    wanted, held = max(1, min(total // PART, most)), 0
    for document in reversed(range(len(sizes))):
        size = sizes[document]
        if held + size > 2 * wanted:
            enough = 2 * held >= wanted
            return (document + 1, 0) if enough else (document, size - (wanted - held))
        held += size
        if held >= wanted:
            return document, 0
    raise AssertionError("all of a text is more than twice its tenth")
