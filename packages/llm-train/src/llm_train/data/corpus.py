"""The corpus: reading text, and holding out whole documents for validation before anything is trained."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from llm_tokenizer import read_text
from llm_tokenizer.commands.wording import suggest
from llm_tokenizer.corpus.file_search import text_files
from llm_train.data.shakespeare import clean_play, shakespeare_files
from llm_train.interface import TrainError
from llm_train.recipes.settings import DataSettings

SHAKESPEARE = "shakespeare"
HELD_OUT = 0.1
"""The fraction of a text that is held out where the recipe names no documents."""


@dataclass(frozen=True)
class Document:
    """One text: a play, a file."""

    name: str
    text: str

    @property
    def bytes(self) -> int:
        """The size of the text in UTF-8."""
        return len(self.text.encode())

    @property
    def printable_name(self) -> str:
        r"""The name with bytes that are not UTF-8 as `\xff`."""
        return self.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Corpus:
    """Training text and held-out text; no document is in both."""

    training: tuple[Document, ...]
    held_out: tuple[Document, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over both parts: it changes with the text and with the split."""
        digest = hashlib.sha256()
        for part in (self.training, self.held_out):
            for document in part:
                digest.update(f"{document.name}\0{document.text}\0".encode("utf-8", "surrogateescape"))
            digest.update(b"\1")
        return digest.hexdigest()


def load_corpus(data: DataSettings) -> Corpus:
    """Read the corpus that a recipe names and split it.

    Raises:
        TrainError: there is no such corpus, or a held-out name is not in it.
        TokenizerError: a file is missing, empty, or not UTF-8 (the message names the byte).
    """
    if data.corpus == SHAKESPEARE:
        plays = shakespeare_files()
        return split([Document(name, clean_play(read_text(path))) for name, path in plays.items()], data.held_out)
    if not data.corpus:
        raise TrainError('data.corpus must be "shakespeare" or a path, was empty')  # Path("") is the current folder
    root = Path(data.corpus).expanduser()
    files = text_files(root)
    if root.is_dir():
        names = [path.relative_to(root).with_suffix("").as_posix() for path in files]
        if len(set(names)) < len(names):  # a.txt beside a.md
            names = [path.relative_to(root).as_posix() for path in files]
        documents = [Document(name, read_text(path)) for name, path in zip(names, files, strict=True)]
    else:
        documents = [Document(root.stem, read_text(root))]
    documents = [document for document in documents if document.text.strip()]
    if not documents:
        raise TrainError(f"{root}: must hold text, but holds only white space")
    return split(documents, data.held_out, str(root))


def split(documents: list[Document], held_out: tuple[str, ...] = (), source: str = "the corpus") -> Corpus:
    """Hold out the named documents; without names the last ones, at least a tenth of the text and at most a third.

    Whole documents, because a model that was trained on the first half of a speech predicts the second half better
    than a text it has never seen. A single document is cut after nine tenths: in the next twentieth at the first
    paragraph, else at the first line or word, else exactly there.
    """
    if len(documents) == 1 and not held_out:
        return _cut_in_two(documents[0], source)
    if held_out:
        names = {document.name for document in documents}
        for name in held_out:
            if name not in names:
                raise TrainError(f"data.held_out: there is no {name!r} in the corpus{suggest(name, names)}")
        kept = set(held_out)
    else:
        kept = _last_tenth(documents, source)
    training = tuple(document for document in documents if document.name not in kept)
    if not training:
        raise TrainError("data.held_out names every document of the corpus: leave some for training")
    return Corpus(training, tuple(document for document in documents if document.name in kept))


def _last_tenth(documents: list[Document], source: str) -> set[str]:
    size, held, kept = sum(len(document.text) for document in documents), 0, set[str]()
    for document in reversed(documents):
        if held >= HELD_OUT * size:
            break
        kept.add(document.name)
        held += len(document.text)
    if 3 * held > size:
        smallest = min(documents, key=lambda document: len(document.text)).printable_name
        raise TrainError(
            f"{source}: its last texts would be held out for validation, but they are {held / size:.0%} of it; "
            f"name those to hold out, for example --set 'held_out=[\"{smallest}\"]'"
        )
    return kept


def _cut_in_two(document: Document, source: str) -> Corpus:
    text, size = document.text, len(document.text.rstrip())
    start = int(size * (1 - HELD_OUT))
    for boundary in ("\n\n", "\n", " "):
        found = text.find(boundary, start, start + size // 20)
        if found != -1:
            start = found + len(boundary)
            break
    parts = text[:start], text[start:]
    if not all(part.strip() for part in parts):
        raise TrainError(f"{source}: is too short to hold out a tenth of it; use more text")
    return Corpus((Document(document.name, parts[0]),), (Document(f"{document.name} (last tenth)", parts[1]),))
