"""Where text comes from, and what of it is held out: whole documents, split off before anything is learned."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from llm_tokenizer import read_text
from llm_tokenizer.corpus.text import text_files
from llm_train.interface import TrainError, suggest
from llm_train.settings import Data
from llm_train.shakespeare import clean_play, shakespeare_files

SHAKESPEARE = "shakespeare"
HELD_OUT_SHARE = 0.1
"""How much of a user's own text is kept for validation where the recipe names nothing."""


@dataclass(frozen=True)
class Document:
    """A text that belongs together: a play, a file."""

    name: str
    text: str


@dataclass(frozen=True)
class Corpus:
    """Text to learn from and text to be judged by; no document is in both."""

    training: tuple[Document, ...]
    held_out: tuple[Document, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over both parts: another text, or another split of the same text, is another corpus."""
        digest = hashlib.sha256()
        for part in (self.training, self.held_out):
            for document in part:
                digest.update(f"{document.name}\0{document.text}\0".encode())
            digest.update(b"\1")
        return digest.hexdigest()


def load_corpus(data: Data) -> Corpus:
    """Read the corpus that a recipe names and split it.

    Raises:
        TrainError: there is no such corpus, or a held-out name is not in it.
        TokenizerError: a file is missing, empty, or not UTF-8 (the message names the byte).
    """
    if data.corpus == SHAKESPEARE:
        plays = shakespeare_files()
        return split([Document(name, clean_play(read_text(path))) for name, path in plays.items()], data.held_out)
    root = Path(data.corpus).expanduser()
    files = text_files(root)
    if root.is_dir():
        documents = [Document(path.relative_to(root).with_suffix("").as_posix(), read_text(path)) for path in files]
    else:
        documents = [Document(root.stem, read_text(root))]
    documents = [document for document in documents if document.text.strip()]
    if not documents:
        raise TrainError(f"{root}: must hold text, but holds only blanks")
    return split(documents, data.held_out)


def split(documents: list[Document], held_out: tuple[str, ...] = ()) -> Corpus:
    """Keep the named documents for validation; without names the last ones, a tenth of the text or a little more.

    Whole documents, because a model that has read the first half of a speech finds the second half easier than
    a text it has never seen. A single document is cut at the paragraph nearest after nine tenths.
    """
    if len(documents) == 1 and not held_out:
        return _cut_in_two(documents[0])
    if held_out:
        names = {document.name for document in documents}
        for name in held_out:
            if name not in names:
                raise TrainError(f"data.held_out: there is no {name!r} in the corpus{suggest(name, names)}")
        kept = set(held_out)
    else:
        kept = _last_tenth(documents)
    training = tuple(document for document in documents if document.name not in kept)
    if not training:
        raise TrainError("data.held_out names every document of the corpus: leave some to learn from")
    return Corpus(training, tuple(document for document in documents if document.name in kept))


def _last_tenth(documents: list[Document]) -> set[str]:
    wanted = HELD_OUT_SHARE * sum(len(document.text) for document in documents)
    kept: set[str] = set()
    for document in reversed(documents[1:]):
        if wanted <= 0:
            break
        kept.add(document.name)
        wanted -= len(document.text)
    return kept


def _cut_in_two(document: Document) -> Corpus:
    text = document.text
    start = int(len(text) * (1 - HELD_OUT_SHARE))
    for boundary in ("\n\n", "\n", " "):
        found = text.find(boundary, start)
        if found != -1 and text[found:].strip():
            start = found + len(boundary)
            break
    parts = text[:start], text[start:]
    if not all(part.strip() for part in parts):
        raise TrainError(f"{document.name}: is too short to keep a tenth of it for validation; use more text")
    return Corpus((Document(document.name, parts[0]),), (Document(f"{document.name} (last tenth)", parts[1]),))
