"""Split a long text into blocks with the pre-tokens of the whole, and group short texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from llm_tokenizer.bpe.fast.instructions import PADDING
from llm_tokenizer.interface import require_texts

BLOCK = 1 << 18  # characters
_EDGE = re.compile(r"\S ")


def blocks(text: str, size: int = BLOCK) -> Iterator[str]:
    """Yield the text in blocks of about `size` characters, so that memory does not grow with it.

    A block ends between a visible character and the space after it: no pattern has a pre-token that continues from the
    one into the other, nor one that looks further ahead. Where there is no such place, it is longer.
    """
    start = 0
    while len(text) - start > size:
        cut = text.find(" ", start + size)
        if cut >= 0 and text[cut - 1].isspace():  # seldom: to find a space alone is many times faster
            edge = _EDGE.search(text, cut)
            cut = edge.start() + 1 if edge else -1
        if cut < 0:
            break
        yield text[start:cut]
        start = cut
    yield text[start:] if start else text


def groups(texts: Iterable[str], size: int = BLOCK) -> Iterator[list[str]]:
    """Yield neighboring texts that together have no more than `size` characters; a longer one is alone.

    A whole group goes through one call of compiled code. Only there do threads not wait for each other: before and
    after it Python lets only one of them run, and each that has to wait for its turn is slow to wake up.
    """
    group: list[str] = []
    length = 0
    for text in require_texts("texts", texts):
        length += len(text) + PADDING
        if group and length > size:
            yield group
            group, length = [], len(text) + PADDING
        group.append(text)
    if group:
        yield group
