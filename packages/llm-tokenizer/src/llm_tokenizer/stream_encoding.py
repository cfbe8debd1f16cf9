"""Encoding a text that is larger than memory: the ids of the whole, from a part of it at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from itertools import chain

import regex

from llm_tokenizer.boundaries import last_safe_place
from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.byte import ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.counting import require_count
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.interface import Tokenizer
from llm_tokenizer.published import PublishedTokenizer
from llm_tokenizer.reading.decoding import Errors, Source, decoded_blocks
from llm_tokenizer.special import ALL, utf8

SLICE = 1 << 16  # characters that are looked at together
LONGEST = 1 << 24

Cut = Callable[[str], int]


def encode_iterable(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    allowed_special: Collection[str] = (),
    longest: int = LONGEST,
) -> Iterator[int]:
    """The ids of one text that comes in parts: exactly `tokenizer.encode("".join(texts))`.

    Why it works:
        A text is cut only where every text has an edge between pieces (see `boundaries.py`), and a special token is
        taken only when enough has been read to know that no longer one begins at its place. So each part has the ids
        that it has within the whole, wherever the parts that came in began and ended.

    In memory are 65,536 characters, what stands after the last safe place, and the tokenizer's own memory of pieces.
    A tokenizer that does not cut its text first (SentencePiece, or one that is not ours) has no safe places: its text
    is gathered as a whole, up to the same bound.

    Args:
        tokenizer: Any tokenizer.
        texts: The text in parts of any size.
        allowed_special: Names of special tokens that work in the text, or "all".
        longest: How many characters may stand without a place to cut; a bound on memory that is enforced.

    Raises:
        TokenizerError: More characters than `longest` have no place to cut.

    Spec: tokenizer.split_special, tokenizer.round_trip
    """
    return chain.from_iterable(encode_blocks(tokenizer, texts, allowed_special=allowed_special, longest=longest))


def encode_file(
    tokenizer: Tokenizer,
    source: Source,
    *,
    allowed_special: Collection[str] = (),
    errors: Errors = "strict",
    longest: int = LONGEST,
) -> Iterator[int]:
    """The ids of a file or a stream as it stands, not a character changed; see `encode_iterable`."""
    blocks = decoded_blocks(source, errors=errors, keep_mark=True)
    return encode_iterable(tokenizer, blocks, allowed_special=allowed_special, longest=longest)


def encode_blocks(
    tokenizer: Tokenizer, texts: Iterable[str], *, allowed_special: Collection[str] = (), longest: int = LONGEST
) -> Iterator[list[int]]:
    """The same ids, in a list for each part of the text."""
    require_count("longest", longest)
    if isinstance(texts, str):
        raise TokenizerError("texts: must be a collection of parts, was one string; put it into a list")
    tokenizer.encode("", allowed_special=allowed_special)  # refuses unknown names before anything is read
    names = list(tokenizer.special_tokens) if allowed_special == ALL else list(allowed_special)
    cut = _cut_for(tokenizer)
    if cut is None:
        return _encode_whole(tokenizer, texts, allowed_special, longest)
    return _encode_parts(tokenizer, _Scanner(names, cut, longest).parts(texts))


def _encode_parts(tokenizer: Tokenizer, parts: Iterable[tuple[str, bool]]) -> Iterator[list[int]]:
    for part, is_special in parts:
        yield [tokenizer.special_tokens[part]] if is_special else tokenizer.encode(part)


def _encode_whole(
    tokenizer: Tokenizer, texts: Iterable[str], allowed_special: Collection[str], longest: int
) -> Iterator[list[int]]:
    held, size = [], 0
    for text in _slices(texts):
        held.append(text)
        size += len(text)
        if size > longest:
            raise TokenizerError(
                f"longest: this tokenizer takes a text only as a whole, and the text has more than {longest} "
                "characters; allow more, or encode its documents one by one"
            )
    yield tokenizer.encode("".join(held), allowed_special=allowed_special)


def _cut_for(tokenizer: Tokenizer) -> Cut | None:
    """The last place where this tokenizer's text may be cut; None for a tokenizer that says nothing about it."""
    if isinstance(tokenizer, (ByteTokenizer, CharacterTokenizer)):
        return len
    if isinstance(tokenizer, BytePairTokenizer):
        return last_safe_place
    if isinstance(tokenizer, PublishedTokenizer):
        normalization = tokenizer.normalization
        return lambda text: last_safe_place(text, normalization)
    return None


def _slices(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TokenizerError(f"texts[{number}]: must be a string, was {type(text).__name__}")
        for start in range(0, len(text), SLICE):
            part = text[start : start + SLICE]
            utf8(part, what=f"texts[{number}] from character {start} on")
            yield part


class _Scanner:
    """Cuts a text that comes in slices into special tokens and parts that can be encoded one by one."""

    def __init__(self, names: Collection[str], cut: Cut, longest: int) -> None:
        by_length = sorted(names, key=len, reverse=True)
        self._special = regex.compile("|".join(map(regex.escape, by_length))) if names else None
        self._reach = max(map(len, names), default=1)
        self._cut = cut
        self._longest = longest
        self._held: list[str] = []  # ordinary text without a safe place in it
        self._size = 0
        self._passed = 0  # characters before those that are held, for messages

    def parts(self, texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
        """Each part, and whether it is a special token."""
        pending = ""  # may end with the beginning of a special token
        for text in _slices(texts):
            pending += text
            used = yield from self._scan(pending, final=False)
            pending = pending[used:]
        yield from self._scan(pending, final=True)
        yield from self._flush()

    def _scan(self, text: str, *, final: bool) -> Generator[tuple[str, bool], None, int]:
        """Parts of the text, and at the end how many of its characters are done with."""
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
