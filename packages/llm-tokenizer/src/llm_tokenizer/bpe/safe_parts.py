"""Split a long text into parts that can be processed one by one, and whose pre-tokens are those of the whole.

Encoding and training use this: both need the pre-tokens of the whole text, and neither can hold all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain

from llm_tokenizer.bpe.boundaries import last_safe_place
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import any_of, utf8

SLICE = 1 << 16  # characters that are processed together
LONGEST = 1 << 24

Cut = Callable[[str], int]


def safe_parts(
    texts: Iterable[str], special_tokens: Collection[str], cut: Cut, longest: int = LONGEST
) -> Iterator[tuple[str, bool]]:
    """Yield the parts of one text that comes in blocks of any size, and whether each is a special token.

    Args:
        texts: The text in blocks.
        special_tokens: Names that are parts of their own. They are taken only when enough has been read to know that
            no longer one begins at the same place.
        cut: Returns the last place where a text may be cut; 0 if it has none.
        longest: The most characters without a place to cut; a bound on memory that is enforced.

    Raises:
        TokenizerError: More characters than `longest` have no place to cut.
    """
    held: list[str] = []  # ordinary text without a safe place in it
    size = passed = 0  # the characters that are held, and those before them
    for piece, is_special in _pieces(texts, special_tokens):
        before = held[-1][-1] if held else ""
        place = 0 if is_special else cut(before + piece) - len(before)
        if place >= 0:
            part = "".join([*held, piece[:place]])
            if part:
                yield part, False
            held, size, passed = [], 0, passed + len(part)
            piece = piece[place:]
        if is_special:
            yield piece, True
            passed += len(piece)
        elif piece:
            held.append(piece)
            size += len(piece)
        if size > longest:
            raise TokenizerError(
                f"longest: from character {passed} on there is no place to cut the text for more than {longest} "
                "characters; allow more, or break the text up there"
            )
    if held:
        yield "".join(held), False


def _pieces(texts: Iterable[str], names: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield the same text in pieces of any size, and whether each is a special token."""
    special = re.compile(any_of(names)) if names else None
    reach = max(map(len, names), default=1)
    pending = ""  # may end with the beginning of a special token
    for text in chain(slices(texts), [""]):  # nothing comes after the last
        pending += text
        known = max(len(pending) - reach + 1, 0) if text else len(pending)  # here no special token can begin unseen
        start = 0
        for found in special.finditer(pending) if special else ():
            if found.start() >= known:
                break
            yield pending[start : found.start()], False
            yield found.group(), True
            start = found.end()
        end = max(start, known)
        yield pending[start:end], False
        pending = pending[end:]


def ordinary_parts(text: Iterable[str], special_tokens: Collection[str], longest: int) -> Iterator[str]:
    """Yield a text that comes in blocks, without special tokens, in parts whose pre-tokens are those of the whole."""
    for part, is_special in safe_parts(text, special_tokens, last_safe_place, longest):
        if not is_special:
            yield part


def slices(texts: Iterable[str]) -> Iterator[str]:
    """Yield the same text in blocks of a bounded size, all of which UTF-8 can encode."""
    for number, text in enumerate(texts):
        for start in range(0, len(text), SLICE):
            part = text[start : start + SLICE]
            utf8(part, what=f"texts[{number}] from character {start} on")
            yield part
