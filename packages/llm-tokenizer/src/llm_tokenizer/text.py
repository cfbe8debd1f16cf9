"""Text preprocessing: from files on disk to clean documents, one at a time.

A document is what belongs together: a file, or the part of a file between two separator lines. Nothing is guessed and
nothing is dropped: a byte that is not UTF-8 is an error with its place, and only what is asked for is changed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from llm_tokenizer.errors import TokenizerError

Normalization = Literal["NFC", "NFKC"]

BLOCK = 1 << 20  # bytes that are read at once
TEXT_FILES = (".txt", ".md")


def read_text(path: str | Path, *, normalization: Normalization | None = None) -> str:
    """One file as text; see `read_documents` for what is done to it."""
    return "".join(read_documents(_file(Path(path)), normalization=normalization))


def read_documents(
    path: str | Path,
    *,
    separator: str | None = None,
    normalization: Normalization | None = None,
    suffixes: Iterable[str] = TEXT_FILES,
) -> Iterator[str]:
    """The documents of a file, or of all text files in a folder and its folders, in the order of their paths.

    Only the document that is being asked for is in memory. A byte order mark at the start of a file is not part of the
    text, and the line breaks of all systems become a line feed.

    Why it works:
        With the same characters for the same thing (`CR LF` is `LF`, and under NFC `e` with an accent is one
        character and not two) a tokenizer learns each word once, and not once for each way of writing it.

    Args:
        path: A file, or a folder.
        separator: A line that stands alone between two documents, for example `<|endoftext|>`. Without it a file is
            one document.
        normalization: `NFC` composes accents; `NFKC` also folds look-alikes (`ﬁ` becomes `fi`), which loses something.
        suffixes: Which files of a folder are text.

    Raises:
        TokenizerError: The path is missing or holds no text, or a byte is not UTF-8; the message says which and where.
    """
    if normalization not in (None, *get_args(Normalization)):
        raise TokenizerError(f"normalization: must be NFC, NFKC or None, was {normalization!r}")
    if separator is not None and (not separator.strip() or "\n" in separator):
        raise TokenizerError(f"separator: must be one line that is not blank, was {separator!r}")
    files = text_files(path, suffixes)
    return _documents(files, separator, normalization)


def text_files(path: str | Path, suffixes: Iterable[str] = TEXT_FILES) -> list[Path]:
    """The file itself, or the text files of a folder; each must hold something."""
    path = Path(path)
    if not path.is_dir():
        files = [_file(path)]
    else:
        endings = tuple(suffixes)
        files = sorted(found for found in path.rglob("*") if found.suffix in endings and found.is_file())
        if not files:
            raise TokenizerError(f"{path}: this folder holds no text file ({', '.join(endings)}); name another")
    if not any(file.stat().st_size for file in files):
        raise TokenizerError(f"{path}: must hold text, but is empty; name a file or folder with text")
    return files


def normalize_text(text: str, normalization: Normalization | None = None) -> str:
    """Line breaks as line feeds, and the Unicode normalization that is asked for."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if normalization is None else unicodedata.normalize(normalization, text)


def decode_strictly(data: bytes, name: str) -> str:
    """All of some bytes as UTF-8 text, exactly as it stands; `name` says in an error where the bytes are from."""
    return _decode(data, name, 0, final=True)[0]


def _file(path: Path) -> Path:
    if path.is_dir():
        raise TokenizerError(f"{path}: must be a file, is a folder; use read_documents for folders")
    if not path.exists():
        raise TokenizerError(f"{path}: there is no such file or folder; check the path")
    return path


def _documents(files: list[Path], separator: str | None, normalization: Normalization | None) -> Iterator[str]:
    for file in files:
        lines: list[str] = []
        for line in _lines(file):
            if separator is not None and line.rstrip("\n") == separator:
                yield from _document(lines, normalization)
                lines = []
            else:
                lines.append(line)
        yield from _document(lines, normalization)


def _document(lines: list[str], normalization: Normalization | None) -> Iterator[str]:
    """One document, or none where nothing stands between two separators."""
    text = normalize_text("".join(lines), normalization)
    if text:
        yield text


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file with a line feed at each end, read block by block."""
    rest = ""
    for block in _decoded_blocks(path):
        text = rest + block
        keep = len(text) - 1 if text.endswith("\r") else len(text)  # its "\n" may be in the next block
        text, rest = text[:keep], text[keep:]
        *lines, last = normalize_text(text).split("\n")
        yield from (line + "\n" for line in lines)
        rest = last + rest
    if rest:
        yield normalize_text(rest)


def _decoded_blocks(path: Path) -> Iterator[str]:
    offset = 0  # of the first byte in `held`
    held = b""
    try:
        with path.open("rb") as file:
            for block in _blocks(file):
                held += block
                text, used = _decode(held, path, offset, final=not block)
                if offset == 0:
                    text = text.removeprefix("\ufeff")
                offset, held = offset + used, held[used:]
                yield text
    except OSError as error:
        raise TokenizerError(f"{path}: cannot be read: {error.strerror}") from None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Blocks of a file, with an empty one at the end."""
    while block := file.read(BLOCK):
        yield block
    yield b""


def _decode(data: bytes, name: str | Path, offset: int, *, final: bool) -> tuple[str, int]:
    try:
        return data.decode("utf-8"), len(data)
    except UnicodeDecodeError as error:
        if not final and error.reason == "unexpected end of data":
            return data[: error.start].decode("utf-8"), error.start
        raise TokenizerError(
            f"{name}: must be UTF-8, but byte {offset + error.start} is 0x{data[error.start]:02x} ({error.reason}); "
            "convert it to UTF-8"
        ) from None
