"""Split a long text into parts that can be processed one by one, and whose pre-tokens are those of the whole.

Encoding and training use this: both need the pre-tokens of the whole text, and neither can hold all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterable, Iterator

from llm_tokenizer.interface import TokenizerError, require_texts
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
    return _Scanner(special_tokens, cut, longest).parts(texts)


def slices(texts: Iterable[str]) -> Iterator[str]:
    """Yield the same text in blocks of a bounded size, all of which UTF-8 can encode."""
    for number, text in enumerate(require_texts("texts", texts)):
        for start in range(0, len(text), SLICE):
            part = text[start : start + SLICE]
            utf8(part, what=f"texts[{number}] from character {start} on")
            yield part


class _Scanner:
    """Cuts a text that comes in slices into special tokens and parts that can be encoded one by one."""

    def __init__(self, names: Collection[str], cut: Cut, longest: int) -> None:
        self._special = re.compile(any_of(names)) if names else None
        self._reach = max(map(len, names), default=1)
        self._cut = cut
        self._longest = longest
        self._held: list[str] = []  # ordinary text without a safe place in it
        self._size = 0
        self._passed = 0  # characters before those that are held, for messages

    def parts(self, texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
        """Yield each part, and whether it is a special token."""
        pending = ""  # may end with the beginning of a special token
        for text in slices(texts):
            pending += text
            used = yield from self._scan(pending, final=False)
            pending = pending[used:]
        yield from self._scan(pending, final=True)
        yield from self._flush()

    def _scan(self, text: str, *, final: bool) -> Generator[tuple[str, bool], None, int]:
        """Yield parts of the text, and return how many of its characters have been used."""
        known = len(text) if final else max(len(text) - self._reach + 1, 0)  # here no special token can begin unseen
        start = 0
        found = self._special.search(text) if self._special else None
        while found and found.start() < known:
            yield from self._ordinary(text[start : found.start()])
            yield from self._flush()
            yield found.group(), True
            self._passed += len(found.group())
            start = found.end()
            found = self._special.search(text, start) if self._special else None
        end = max(start, known)
        yield from self._ordinary(text[start:end])
        return end

    def _ordinary(self, text: str) -> Iterator[tuple[str, bool]]:
        before = self._held[-1][-1] if self._held else ""
        place = self._cut(before + text) if text else 0
        if place > 0:
            place -= len(before)
            self._hold(text[:place])
            yield from self._flush()
            text = text[place:]
        self._hold(text)
        if self._size > self._longest:
            raise TokenizerError(
                f"longest: from character {self._passed} on there is no place to cut the text for more than "
                f"{self._longest} characters; allow more, or break the text up there"
            )

    def _hold(self, text: str) -> None:
        if text:
            self._held.append(text)
            self._size += len(text)

    def _flush(self) -> Iterator[tuple[str, bool]]:
        if self._held:
            yield "".join(self._held), False
        self._passed += self._size
        self._held, self._size = [], 0
