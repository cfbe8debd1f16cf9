"""Write files so that a name never refers to half a file. All four packages write through this module."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

UNFINISHED = ".unfinished"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a new path beside `path`; what is written there replaces `path` once it is on the disk.

    **Why it works**: a rename within one folder happens whole or not at all, also in a crash. The bytes must be on the
    disk before (fsync of the file) and the new name after it (fsync of the folder). The temporary name is random, so
    two programs that write the same file do not write into each other's: the later one wins, with a whole file.

    Raises:
        OSError: The folder cannot be written to, or the disk is full. The old file is unchanged.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    unfinished = path.with_name(f"{path.name}.{os.urandom(4).hex()}{UNFINISHED}")
    try:
        unfinished.touch(exist_ok=False)
        if path.exists():
            shutil.copymode(path, unfinished)
        mode = unfinished.stat().st_mode
        yield unfinished
        unfinished.chmod(mode)  # some writers replace the file by one that nobody else may read
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can open a folder."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that appears as `path` only once all of it is on the disk; on any error the old file stays.

    A device such as /dev/null is written to directly.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    with atomic_path(path) as unfinished, unfinished.open("wb") as stream:
        yield stream


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically, with its line breaks as they are."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file atomically; numbers that JSON cannot hold (NaN, infinity) are refused with a ValueError."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def remove_unfinished(folder: Path) -> None:
    """Delete the temporary files that killed programs left in a folder, to which nobody else may be writing."""
    for left in folder.glob(f"*{UNFINISHED}"):
        with suppress(OSError):
            left.unlink()


def failed_write(path: str | Path, error: OSError) -> str:
    """Return the sentence for a failed write: which file, why, and the remedy for this kind of failure."""
    remedy = "check the path"
    if error.errno in _NO_ROOM:
        remedy = "free some space there, or choose another place"
    elif error.errno in _NOT_ALLOWED:
        remedy = "choose a place where you may write"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR):
        remedy = "create the folder first, or choose another place"
    return f"{path}: cannot be written: {error.strerror or error}; {remedy}"


@contextmanager
def write_errors_as(kind: type[Exception], path: str | Path) -> Iterator[None]:
    """Raise every OSError inside as an error of this kind with the sentence of `failed_write`."""
    try:
        yield
    except OSError as error:
        raise kind(failed_write(path, error)) from None
