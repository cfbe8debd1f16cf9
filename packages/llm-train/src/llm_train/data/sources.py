"""The files of a corpus: which are meant, what they are called, and the documents in each, read one at a time."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from llm_tokenizer import read_documents, read_parts
from llm_tokenizer.corpus.file_search import JSON_LINES, TEXT_FILES, other_files, text_files
from llm_tokenizer.corpus.text import read_placed_documents
from llm_train.data.shakespeare import clean_play, shakespeare_files
from llm_train.interface import TrainError
from llm_train.recipes.settings import DataSettings

SHAKESPEARE = "shakespeare"
ROWS = (*JSON_LINES, ".json")
"""Suffixes of files that hold a JSON object a line; of a folder only the first two, since .json is mostly settings."""

IN_FOLDERS = (*TEXT_FILES, *JSON_LINES)
"""Suffixes of the files that are read of a folder."""


@dataclass(frozen=True)
class Document:
    """One text that belongs together; its parts come in order, and can be read once.

    A part ends only where every tokenizer of ours that splits a text has an edge, so each can be encoded by itself.
    """

    name: str
    parts: Iterator[str]


def with_text(document: Document) -> Document | None:
    """Return the document if it has more than white space, else None."""
    start = ""
    for part in document.parts:
        start += part
        if start.strip():
            return Document(document.name, chain([start], document.parts))
    return None


@dataclass(frozen=True)
class Source:
    """One file of a corpus."""

    name: str
    path: Path
    kind: str
    """A "text" is one document, or several between separators; "rows" one in each line; a "play" Markdown to clean."""
    field: str = ""
    separator: str = ""

    def documents(self) -> Iterator[Document]:
        """Yield the documents of the file, blank ones included.

        Raises:
            TokenizerError: the file is missing, is not UTF-8, or a row has no such field; the message says where.
        """
        if self.kind == "play":
            yield Document(self.name, iter([clean_play("".join(read_documents(self.path)))]))
        elif self.kind == "rows":
            for place, text in read_placed_documents(self.path, field=self.field):
                yield Document(place, iter([text]))
        elif self.separator:
            for place, text in read_placed_documents(self.path, separator=self.separator):
                yield Document(place, iter([text]))
        elif self.path.stat().st_size:
            yield Document(self.name, read_parts(self.path))


def find_sources(data: DataSettings) -> list[Source]:
    """Return the files that a recipe names, in the order of their paths; each once.

    Raises:
        TrainError: nothing is named, a setting has no effect on these files, or they are of a kind that is not read.
        TokenizerError: there is no such file, or no text in a folder.
    """
    named = (data.corpus,) if isinstance(data.corpus, str) else data.corpus
    if named == (SHAKESPEARE,):
        plays = shakespeare_files()
        found = [Source(name, path, "play") for name, path in plays.items()]
    else:
        found = _files(named, data)
    kinds = {source.kind for source in found}
    if data.field != "text" and "rows" not in kinds:
        raise TrainError(f"data.field is {data.field!r}, but the corpus has no file of JSON lines: leave it out")
    if data.separator and "text" not in kinds:
        raise TrainError(f"data.separator is {data.separator!r}, but the corpus has no plain text file: leave it out")
    return found


def skipped_files(data: DataSettings) -> list[Path]:
    """Return the files in the folders of a corpus that are of other kinds, so that they are not read."""
    named = (data.corpus,) if isinstance(data.corpus, str) else data.corpus
    roots = [] if named == (SHAKESPEARE,) else [Path(name).expanduser() for name in named]
    return [file for root in roots for file in other_files(root, IN_FOLDERS)]


def _files(named: Sequence[str], data: DataSettings) -> list[Source]:
    if not named or not all(named):  # Path("") is the current folder
        raise TrainError('data.corpus must be "shakespeare" or one or more paths, was empty')
    found: dict[Path, tuple[str, str]] = {}
    for name in named:
        root = Path(name).expanduser()
        for path in text_files(root, IN_FOLDERS):
            inside = path.relative_to(root).as_posix() if root.is_dir() else path.name
            found.setdefault(path.resolve(), (inside, os.fspath(path)))
    inner, outer = [one for one, _ in found.values()], [path for _, path in found.values()]
    # The first way to call them in which no two are the same: a.txt beside a.md, a/x.txt beside b/x.txt.
    names = next(way for way in ([_stem(one) for one in inner], inner, outer) if len({*way}) == len(way))
    return [_source(called, Path(path), data) for called, (_, path) in zip(names, found.values(), strict=True)]


def _source(name: str, path: Path, data: DataSettings) -> Source:
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix == ".parquet":
        raise TrainError(f"{path}: Parquet is not read; write its text column as JSON lines (.jsonl), one object a row")
    if suffix in ROWS:
        return Source(name, path, "rows", field=data.field)
    return Source(name, path, "text", separator=data.separator)


def _stem(name: str) -> str:
    """The name without its suffix, and without that of gzip."""
    return Path(name[:-3] if name.lower().endswith(".gz") else name).with_suffix("").as_posix()
