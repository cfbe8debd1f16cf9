"""Decode bytes: strict UTF-8, unpacked if it is gzip, block by block.

Nothing is guessed. A byte that is not UTF-8 is an error with its place, unless the caller chooses otherwise.
"""

from __future__ import annotations

import codecs
import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from llm_tokenizer.files.fields import failed_read
from llm_tokenizer.interface import TokenizerError, require_choice

Errors = Literal["strict", "replace", "ignore"]
Source = str | Path | BinaryIO

BLOCK = 1 << 20  # bytes that are read at once
STANDARD_INPUT = "-"
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})  # those of a terminal log are text
_GZIP = b"\x1f\x8b"  # never UTF-8: 0x8b cannot begin a character


def decoded_blocks(source: Source, *, errors: Errors = "strict", keep_mark: bool = False) -> Iterator[str]:
    """Yield the text of a file or a stream, about a mebibyte at a time.

    Args:
        source: A path, `-` for standard input, or an open binary file: anything with a `read` that returns bytes.
        errors: `strict` names the first byte that is not UTF-8 and its place, `replace` puts U+FFFD, `ignore` drops it.
        keep_mark: Whether a byte order mark at the very start is kept. It is a part of the file, not of the text.

    Raises:
        TokenizerError: The file cannot be read, is a damaged gzip file, or (`strict`) is not UTF-8.
    """
    require_choice("errors", errors, get_args(Errors))
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    place = 0  # of the first byte of the block
    at_start = not keep_mark
    for block in _blocks(source):
        waiting = len(decoder.getstate()[0])  # half a character at the end of the block before
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise TokenizerError(
                _not_utf8(error, source_name(source), place - waiting), option="errors=replace"
            ) from None
        place += len(block)
        if at_start and text:
            text, at_start = text.removeprefix("\ufeff"), False
        if text:
            yield text


def decode_strictly(data: bytes, name: str) -> str:
    """Return bytes as UTF-8 text, exactly; `name` says in an error where the bytes are from."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerError(_not_utf8(error, name, 0)) from None


def is_stream(source: Source) -> bool:
    """Return whether a source can be read only once: standard input, or an open file."""
    return source == STANDARD_INPUT or not isinstance(source, (str, Path))


def source_name(source: Source) -> str:
    """Return the name of a source in a message."""
    if source == STANDARD_INPUT:
        return "standard input"
    return str(source) if isinstance(source, (str, Path)) else str(getattr(source, "name", "stream"))


def _blocks(source: Source) -> Iterator[bytes]:
    """Yield blocks of unpacked bytes, with an empty one at the end."""
    name = source_name(source)
    try:
        with _opened(source) as file:
            stream: Any = _Peeked(file)
            unpacked = gzip.GzipFile(mode="rb", fileobj=stream) if stream.head == _GZIP else stream
            while block := unpacked.read(BLOCK):
                yield block
        yield b""
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TokenizerError(f"{name}: is a damaged gzip file ({error}); compress or download it again") from None
    except OSError as error:
        raise TokenizerError(failed_read(name, error)) from None


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    if source == STANDARD_INPUT:
        yield sys.stdin.buffer
    elif isinstance(source, (str, Path)):
        with Path(source).open("rb") as file:
            yield file
    elif hasattr(source, "read") and isinstance(source.read(0), bytes):
        yield source
    else:
        raise TokenizerError(f"source: must be a path, - or an open binary file, was {source!r:.80}")


class _Peeked:
    """A stream of which the first two bytes are known before they are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.head = b""
        while len(self.head) < 2 and (more := stream.read(2 - len(self.head))):
            self.head += more
        self._stream = stream

    def read(self, size: int) -> bytes:
        head, self.head = self.head, b""
        return head + self._stream.read(size - len(head))


def _not_utf8(error: UnicodeDecodeError, name: str, offset: int) -> str:
    """Return which byte of a source is wrong, and what to do; `offset` is the place of the first in its block."""
    place, byte = error.start, error.object[error.start]
    advice = "convert it to UTF-8"
    if _looks_binary(error.object):
        advice = "it looks like a binary file, or UTF-16: leave it out, or convert it to UTF-8"
    return f"{name}: must be UTF-8, but byte {offset + place} is 0x{byte:02x} ({error.reason}); {advice}"


def _looks_binary(data: bytes) -> bool:
    """Return whether bytes hold NUL, or more control characters than any text.

    The bytes that are not UTF-8 tell nothing: in Cyrillic or Japanese of an older encoding most of them are.
    """
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return b"\0" in data or controls > len(data) // 20
