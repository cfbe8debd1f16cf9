"""The corpus: what is in its files, which part of it is held out for validation, and both parts document by document.

Nothing is trained before all of it has been read once: a byte that is not UTF-8 or a row without its field is found in
the first minute. Only a part of one document is in memory at a time.
"""

import hashlib
import json
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, islice
from pathlib import Path
from typing import Protocol

from llm_tokenizer.commands.wording import suggest
from llm_tokenizer.files.writing import write_text
from llm_train.data.holding_out import MOST, hold_out
from llm_train.data.sources import Document, Source, find_sources, with_text
from llm_train.interface import TrainError
from llm_train.recipes.settings import DataSettings

END_OF_TEXT = "<|endoftext|>"
"""Separates documents, so that the model learns where a text begins."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was found in one file."""

    name: str
    size: int
    """Bytes of the file."""
    modified_ns: int
    sha256: str
    """Of its documents."""
    documents: int
    blank: int
    """Documents of white space; they are left out."""
    bytes: int
    """Of its documents in UTF-8."""
    characters: int
    """Of its documents, without white space at their ends."""
    separators: int
    """Documents in which the end-of-text token is written out."""
    tail: tuple[tuple[int, int], ...]
    """Characters, without white space at the end, and bytes of its last documents: as many as can be held out."""


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
class Cut:
    """Where the held-out part begins, if no files are named: the number of a document, and a place in it."""

    document: int
    character: int
    bytes: int
    """Of what is held out of the file in which it begins."""


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
        for number, source, document in self._numbered():
            if self.cut is None or number != self.cut.document or not self.cut.character:
                last = source.name in self.names if self.cut is None else number >= self.cut.document
                if last == held_out:
                    yield document
            elif held_out:
                yield Document(f"{document.name} (end)", _from(document.parts, self.cut.character))
            else:
                yield Document(document.name, _until(document.parts, self.cut.character))

    def _numbered(self) -> Iterator[tuple[int, Source, Document]]:
        number = 0
        for source in self.sources:
            for document in filter(None, map(with_text, source.documents())):
                yield number, source, document
                number += 1

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


@dataclass(frozen=True)
class Known:
    """What was found in a corpus before, and where it was cut."""

    scans: Mapping[str, Scan] = field(default_factory=dict)
    cut: Cut | None = None


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
    scans = tuple(_scan(source, known.scans.get(source.name)) for source in sources)
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
        cut = _cut(sources, scans, _named(data))
    return Corpus(sources, scans, frozenset(data.held_out), None if data.held_out else cut)


def printable(name: str) -> str:
    r"""Return a name with bytes that are not UTF-8 as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _named(data: DataSettings) -> str:
    return printable(data.corpus if isinstance(data.corpus, str) else ", ".join(data.corpus))


def _scan(source: Source, known: Scan | None) -> Scan:
    """Read a file from beginning to end."""
    status = source.path.stat()
    if known is not None and (known.size, known.modified_ns) == (status.st_size, status.st_mtime_ns):
        return known
    digest, tail = hashlib.sha256(), deque[tuple[int, int]]()
    documents = blank = size = characters = separators = kept = 0
    for document in source.documents():
        present = with_text(document)
        if present is None:
            blank += 1
            continue
        length = whole = bytes_before = 0
        has_separator, before = False, ""
        for part in present.parts:
            if not whole:
                _refuse_wide_characters(source, part)
            content = part.encode()
            digest.update(content)
            has_separator |= END_OF_TEXT in before + part
            before = part[1 - len(END_OF_TEXT) :]  # it may lie across two parts
            length = whole + len(part.rstrip()) if part.strip() else length
            whole, bytes_before = whole + len(part), bytes_before + len(content)
        digest.update(b"\0")
        documents, size, characters = documents + 1, size + bytes_before, characters + length
        separators += has_separator
        tail.append((length, bytes_before))
        kept += length
        while kept - tail[0][0] > 2 * MOST:
            kept -= tail.popleft()[0]
    return Scan(
        name=source.name, size=status.st_size, modified_ns=status.st_mtime_ns, sha256=digest.hexdigest(),
        documents=documents, blank=blank, bytes=size, characters=characters, separators=separators, tail=tuple(tail),
    )  # fmt: skip


def _refuse_wide_characters(source: Source, text: str) -> None:
    if text.count("\0") > len(text) // 10:
        raise TrainError(
            f"{source.path}: looks like UTF-16 or binary data, since much of it is NUL characters; convert it to UTF-8"
        )


def _cut(sources: tuple[Source, ...], scans: tuple[Scan, ...], named: str) -> Cut:
    """Decide where the held-out part begins; where a document is cut, at a paragraph, else a line or a word nearby."""
    tail = [sizes for scan in scans for sizes in scan.tail]
    documents, characters = sum(scan.documents for scan in scans), sum(scan.characters for scan in scans)
    earlier = characters - sum(
        length for length, _ in tail
    )  # never reached from the end, so one document stands for all
    try:
        place, character = hold_out([earlier, *(length for length, _ in tail)])
    except TrainError as error:
        raise TrainError(f"{named}: {error}") from None
    document = documents - len(tail) + place - 1
    begins = list(accumulate((scan.documents for scan in scans), initial=0))
    number = bisect_right(begins, document) - 1  # of the file
    first, scan = begins[number], scans[number]
    after = sum(size for _, size in scan.tail[len(scan.tail) - (begins[number + 1] - document) :])
    if not character:
        return Cut(document, 0, after)
    whole = filter(None, map(with_text, sources[number].documents()))
    text = next(islice(whole, document - first, None))
    character, before = _boundary(text.parts, character, tail[place - 1][0] // 20)
    return Cut(document, character, after - before)


def _boundary(parts: Iterator[str], start: int, reach: int) -> tuple[int, int]:
    """Return a place to cut at or a little after `start`, and how many bytes come before it."""
    passed = size = 0
    for part in parts:
        if passed + len(part) >= start:
            text = part
            while len(text) < start - passed + reach and (more := next(parts, "")):
                text += more
            place = start - passed
            for border in ("\n\n", "\n", " "):
                found = text.find(border, place, place + reach)
                if found != -1:
                    place = found + len(border)
                    break
            return passed + place, size + len(text[:place].encode())
        passed, size = passed + len(part), size + len(part.encode())
    raise AssertionError("the place is within the document")


def _until(parts: Iterator[str], end: int) -> Iterator[str]:
    for part in parts:
        if end > 0:
            yield part[:end]
        end -= len(part)


def _from(parts: Iterator[str], start: int) -> Iterator[str]:
    for part in parts:
        if start < len(part):
            yield part[max(start, 0) :]
        start -= len(part)


def write_known(path: Path, corpus: Corpus) -> None:
    """Remember what was found in a corpus."""
    cut = None if corpus.cut is None else asdict(corpus.cut)
    # Names need not be UTF-8: JSON writes what cannot be encoded as \\udc….
    write_text(path, json.dumps({"scans": [asdict(scan) for scan in corpus.scans], "cut": cut}, indent=1) + "\n")


def read_known(path: Path) -> Known:
    """Return what `write_known` wrote; nothing if that cannot be read: then the files are."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        scans = [Scan(**(entry | {"tail": tuple(map(tuple, entry["tail"]))})) for entry in found["scans"]]
        return Known({scan.name: scan for scan in scans}, None if found["cut"] is None else Cut(**found["cut"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Known()


def changes(known: Known, corpus: RunText) -> list[str]:
    """Return in words which files have changed, come, or gone."""
    now = {scan.name: scan for scan in corpus.scans} if isinstance(corpus, Corpus) else {}
    found = [f"{printable(name)} is new" for name in now if name not in known.scans]
    found += [f"{printable(name)} is gone" for name in known.scans if name not in now]
    changed = [name for name in now if name in known.scans and now[name].sha256 != known.scans[name].sha256]
    return [*(f"{printable(name)} has changed" for name in changed), *found]
