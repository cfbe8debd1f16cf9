"""What is in a file: it is read once, from beginning to end, with a part of one document in memory at a time."""

import hashlib
from collections import deque
from dataclasses import dataclass

from llm_train.data.holding_out import MOST
from llm_train.data.sources import Source, with_text
from llm_train.interface import TrainError

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


def scan_source(source: Source, known: Scan | None) -> Scan:
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
