"""Cutting a long text into blocks whose pieces are the pieces of the whole."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 1 << 18  # characters


def blocks(text: str, size: int = BLOCK) -> Iterator[str]:
    """The text in blocks of about `size` characters, so that memory does not grow with it.

    A block ends between a visible character and the blank after it: no pattern has a piece that goes on from the
    one into the other, nor one that looks further ahead. Where there is no such place, a block is as long as must be.
    """
    start = 0
    while len(text) - start > size:
        cut = text.find(" ", start + size)
        while cut >= 0 and text[cut - 1].isspace():
            cut = text.find(" ", cut + 1)
        if cut < 0:
            break
        yield text[start:cut]
        start = cut
    yield text[start:] if start else text
