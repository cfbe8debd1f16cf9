"""Find the files that are meant: a file, all text files of a folder, or those that match a glob."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from llm_tokenizer.interface import TokenizerError

TEXT_FILES = (".txt", ".md")
JSON_LINES = (".jsonl", ".ndjson")
PACKED = ".gz"


def text_files(path: str | Path, suffixes: Iterable[str] = TEXT_FILES) -> list[Path]:
    """Return the file itself, the text files of a folder, or the files that match a glob, in the order of their paths.

    Args:
        path: A file, a folder with its folders (hidden files and folders are left out), or a glob such as
            `texts/**/*.txt`.
        suffixes: Which files of a folder are text, in upper or lower case; `.txt` means `.txt.gz` too.

    Raises:
        TokenizerError: There is no such file, or all of them are empty.
    """
    path = Path(path)
    if path.is_dir():
        files = _in_folder(path, tuple(suffixes))
    elif not path.exists() and glob.has_magic(str(path)):
        files = sorted(found for name in glob.glob(str(path), recursive=True) if (found := Path(name)).is_file())
        if not files:
            raise TokenizerError(f"{path}: no file matches this pattern; check it, and quote it in a shell")
    else:
        files = [require_file(path)]
    if not any(file.stat().st_size or not file.is_file() for file in files):  # a pipe has no size
        raise TokenizerError(f"{path}: must hold text, but is empty; name a file or folder with text")
    return files


def other_files(path: str | Path, suffixes: Iterable[str] = TEXT_FILES) -> list[Path]:
    """Return the files that `text_files` leaves out of a folder because of their suffix; of a file or a glob none."""
    wanted, path = _lowered(suffixes), Path(path)
    return [file for file in _visible(path) if _suffix(file) not in wanted] if path.is_dir() else []


def _lowered(suffixes: Iterable[str]) -> set[str]:
    return {suffix.lower() for suffix in suffixes}


def _visible(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its folders, without the hidden ones: .git, .ipynb_checkpoints."""
    for file in folder.rglob("*"):
        if not any(part.startswith(".") for part in file.relative_to(folder).parts) and file.is_file():
            yield file


def _suffix(file: Path) -> str:
    return (Path(file.stem).suffix if file.suffix.lower() == PACKED else file.suffix).lower()


def _in_folder(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    wanted = _lowered(suffixes)
    files = sorted(file for file in _visible(folder) if _suffix(file) in wanted)
    if not files:
        raise TokenizerError(f"{folder}: this folder holds no text file ({', '.join(suffixes)}); name another")
    return files


def require_file(path: Path) -> Path:
    """Return the path of a file that exists."""
    if path.is_dir():
        raise TokenizerError(f"{path}: must be a file, is a folder; use read_documents for folders")
    if not path.exists():
        raise TokenizerError(f"{path}: there is no such file or folder; check the path")
    return path
