"""The corpus: what is in its files, which part of it is held out for validation, and both parts document by document.

Nothing is trained before all of it has been read once: a byte that is not UTF-8 or a row without its field is found in
the first minute. Only a part of one document is in memory at a time.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from llm_tokenizer.commands.wording import suggest
from llm_train.data.cutting import Cut, beginning_at, find_cut, until
from llm_train.data.known import Known
from llm_train.data.scanning import Scan, scan_source
from llm_train.data.sources import Document, Source, find_sources, with_text
from llm_train.interface import TrainError
from llm_train.recipes.settings import DataSettings


@dataclass(frozen=True)
class Part:
    """A file, or what of it is in one part of the corpus."""

    printable_name: str
    """With bytes that are not UTF-8 as `\\xff`."""
    bytes: int


class RunText(Protocol):
    """What a run remembers of the text that it is trained on."""

    @property
    def fingerprint(self) -> str:
        """A hash that changes with the text and with the split."""

    @property
    def training(self) -> Sequence[Part]:
        """What is learned from."""

    @property
    def held_out(self) -> Sequence[Part]:
        """What is held out."""


@dataclass(frozen=True)
class Corpus:
    """Files, and what of them is held out. No document is in both parts, but for one that may be cut in two."""

    sources: tuple[Source, ...]
    scans: tuple[Scan, ...]
    names: frozenset[str]
    """Of the files that are held out."""
    cut: Cut | None
    """Where the held-out part begins instead, if no files are named."""

    def documents(self, held_out: bool) -> Iterator[Document]:
        """Yield the documents of one part: those to learn from, or those that are held out."""
        if self.cut is None:
            wanted = [source for source in self.sources if (source.name in self.names) == held_out]
            yield from (document for _, document in _numbered(wanted))
            return
        for number, document in _numbered(self.sources):
            if number != self.cut.document or not self.cut.character:
                if (number >= self.cut.document) == held_out:
                    yield document
            elif held_out:
                yield Document(f"{document.name} (end)", beginning_at(document.parts, self.cut.character))
            else:
                yield Document(document.name, until(document.parts, self.cut.character))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, text and split."""
        content = [[[scan.name, scan.sha256] for scan in self.scans], sorted(self.names), self.cut and asdict(self.cut)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def training(self) -> tuple[Part, ...]:
        """The files to learn from, or the parts of them."""
        return self._parts(held_out=False)

    @property
    def held_out(self) -> tuple[Part, ...]:
        """The files that are held out, or the parts of them."""
        return self._parts(held_out=True)

    def _parts(self, held_out: bool) -> tuple[Part, ...]:
        found, first = [], 0
        for scan in self.scans:
            bytes_held = scan.bytes if scan.name in self.names else 0
            if self.cut is not None:
                begins_here = first <= self.cut.document < first + scan.documents
                bytes_held = self.cut.bytes if begins_here else scan.bytes if first > self.cut.document else 0
            some = bytes_held if held_out else scan.bytes - bytes_held
            if some:
                found.append(Part(printable(scan.name) + ("" if some == scan.bytes else " (in part)"), some))
            first += scan.documents
        return tuple(found)


def _numbered(sources: Iterable[Source]) -> Iterator[tuple[int, Document]]:
    """Yield the documents that hold text, each with its number."""
    return enumerate(document for source in sources for document in filter(None, map(with_text, source.documents())))


def load_corpus(data: DataSettings, known: Known | None = None) -> Corpus:
    """Read the corpus that a recipe names once, and split it.

    Args:
        data: which files, how they are read, and what is held out.
        known: what was found in these files before; one that has its size and time of then is not read again.

    Raises:
        TrainError: there is no such corpus, or a held-out name is not in it.
        TokenizerError: a file is missing, or not UTF-8 (the message names the byte).
    """
    known, sources = known or Known(), tuple(find_sources(data))
    scans = tuple(scan_source(source, known.scans.get(source.name)) for source in sources)
    if not any(scan.documents for scan in scans):
        raise TrainError(f"{_named(data)}: must hold text, but holds only white space")
    names = {scan.name for scan in scans if scan.documents}
    for name in data.held_out:
        if name not in names:
            raise TrainError(f"data.held_out: there is no {name!r} in the corpus{suggest(name, names)}")
    if data.held_out and names <= set(data.held_out):
        raise TrainError("data.held_out names every document of the corpus: leave some for training")
    cut = known.cut if known.cut is not None and scans == tuple(known.scans.values()) else None
    if cut is None and not data.held_out:
        cut = find_cut(sources, scans, _named(data))
    return Corpus(sources, scans, frozenset(data.held_out), None if data.held_out else cut)


def printable(name: str) -> str:
    r"""Return a name with bytes that are not UTF-8 as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _named(data: DataSettings) -> str:
    return printable(data.corpus if isinstance(data.corpus, str) else ", ".join(data.corpus))


def changes(known: Known, corpus: RunText) -> list[str]:
    """Return in words which files have changed, come, or gone."""
    now = {scan.name: scan for scan in corpus.scans} if isinstance(corpus, Corpus) else {}
    found = [f"{printable(name)} is new" for name in now if name not in known.scans]
    found += [f"{printable(name)} is gone" for name in known.scans if name not in now]
    changed = [name for name in now if name in known.scans and now[name].sha256 != known.scans[name].sha256]
    return [*(f"{printable(name)} has changed" for name in changed), *found]
