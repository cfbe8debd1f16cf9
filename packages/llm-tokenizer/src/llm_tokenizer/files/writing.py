"""Writing a file so that its name never stands for half of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only once all of it is on the disk; on an error the old one stays.

    It is written beside its place under a name of its own, so that two programs which write the same file do not write
    into each other's: the later one wins, with a whole file.

    Raises:
        OSError: The folder cannot be written to, or the disk is full.
    """
    if path.exists() and not path.is_file():  # a device, such as /dev/null: nothing can be put in its place
        with path.open("wb") as stream:
            yield stream
        return
    unfinished = path.with_name(f"{path.name}.{os.urandom(4).hex()}{UNFINISHED}")
    try:
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """A text file of UTF-8 with its line breaks as they are."""
    with whole_file(path) as stream:
        stream.write(text.encode("utf-8"))
