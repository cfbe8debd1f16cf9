"""Summarize a corpus in one pass: sizes, scripts, and what may need cleaning."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from llm_tokenizer.corpus.cleaning import CONTROL
from llm_tokenizer.interface import require_texts


@dataclass(kw_only=True)
class CorpusSummary:
    """The figures of a corpus. Words are separated by white space.

    `scripts` counts letters by their writing system. The last five count what often needs cleaning: control characters,
    U+FFFD (a sign that bytes were lost earlier), line breaks other than LF, documents that NFC would change, and empty
    documents.
    """

    documents: int = 0
    bytes: int = 0
    characters: int = 0
    words: int = 0
    lines: int = 0
    longest: int = 0
    distinct_characters: int = 0
    scripts: dict[str, int] = field(default_factory=dict)
    controls: int = 0
    replaced: int = 0
    other_line_breaks: int = 0
    not_composed: int = 0
    empty: int = 0


class CorpusCounter:
    """Counts documents while they pass to somebody else."""

    def __init__(self) -> None:
        self._summary = CorpusSummary()
        self._characters: Counter[str] = Counter()

    def counted(self, documents: Iterable[str]) -> Iterator[str]:
        """Yield the same documents, counted as they pass."""
        summary = self._summary
        for text in documents:
            self._characters.update(text)
            summary.documents += 1
            summary.empty += not text
            summary.words += len(text.split())
            summary.longest = max(summary.longest, len(text))
            summary.lines += text.count("\n") + (not text.endswith("\n") and text != "")
            summary.other_line_breaks += text.count("\r") + text.count("\u2028") + text.count("\x85")
            summary.not_composed += not unicodedata.is_normalized("NFC", text)
            yield text

    def summary(self) -> CorpusSummary:
        """Return the figures of all that passed."""
        characters = self._characters
        scripts: Counter[str] = Counter()
        size = controls = 0
        for character, count in characters.items():
            size += count * len(character.encode("utf-8", "surrogatepass"))
            if character.isalpha():
                scripts[script_of(character)] += count
            elif CONTROL.match(character):
                controls += count
        return replace(
            self._summary,
            bytes=size,
            characters=characters.total(),
            distinct_characters=len(characters),
            controls=controls,
            replaced=characters["\ufffd"],
            scripts=dict(sorted(scripts.items(), key=lambda item: (-item[1], item[0]))),
        )


def summarize(documents: Iterable[str]) -> CorpusSummary:
    """Return what a corpus contains. Only one document and a count for each different character are in memory."""
    counter = CorpusCounter()
    for _ in counter.counted(require_texts("documents", documents)):
        pass
    return counter.summary()


def script_of(letter: str) -> str:
    """Return the writing system of a letter, by the first word of its Unicode name: Latin, Cyrillic, Cjk, Hiragana."""
    name = unicodedata.name(letter, "UNNAMED").split()
    # "FULLWIDTH LATIN …" and "MATHEMATICAL BOLD …" say first how the letter looks.
    return (name[1] if name[0] in ("FULLWIDTH", "HALFWIDTH") and len(name) > 1 else name[0]).split("-")[0].title()
