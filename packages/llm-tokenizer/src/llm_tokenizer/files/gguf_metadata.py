"""Read the metadata at the front of a GGUF file: keys with values, and no length in it is trusted.

    GGUF · version · number of tensors · number of entries · then each entry: key · kind · value

Numbers are little-endian; a text is its length and its bytes; an array is the kind of its items, their number, and
the items. Headers that promise more than the file holds have taken over servers. Here every length is compared with
what is left of the file before anything is read, and the file is mapped into memory rather than copied there.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO

from llm_tokenizer.files.fields import FieldError, decode_text, refusal

MAGIC = b"GGUF"
VERSIONS = (2, 3)
LONGEST_KEY = 65535  # bytes, as the format says
MOST_ENTRIES = 1 << 16
MOST_ITEMS = 1 << 22  # of an array that is kept; the longest that is known are half a million merges
_TEXT, _ARRAY, _BOOL = 8, 9, 7
_NUMBERS = {
    kind: struct.Struct("<" + code)
    for kind, code in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIifBQqd", strict=True)
}
LENGTH = _NUMBERS[10]
KIND = _NUMBERS[4]


def read_metadata(path: Path, wanted: Collection[str]) -> dict[str, Any]:
    """Return the values of those of the wanted keys that the file has."""
    with path.open("rb") as file, mapped(file) as data:
        return GgufHeader(data).entries(wanted.__contains__)


def mapped(file: BinaryIO) -> mmap.mmap:
    """Map the file into memory, once it is known to be of this format and long enough to have a head."""
    magic, size = file.read(len(MAGIC)), os.fstat(file.fileno()).st_size
    if magic != MAGIC:
        was, remedy = f"begins with {magic!r}" if magic else "is empty", "name one, or a folder with a model"
        raise FieldError(f"must be a GGUF file, which begins with {MAGIC!r}, but {was}; {remedy}")
    if size < len(MAGIC) + 20:
        raise refusal("the file", "a GGUF file of at least 24 bytes", size)
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class GgufHeader:
    """The file and the place up to which it has been read: first the head, then the entries, then what follows."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.place = len(MAGIC)
        version = self.number(KIND, "version")
        if version not in VERSIONS:
            raise refusal("version", " or ".join(map(str, VERSIONS)), version, "convert the file to a newer version")
        self.tensors: int = self.number(LENGTH, "number of tensors")
        self._entries: int = self.number(LENGTH, "number of entries")
        if self._entries > MOST_ENTRIES:
            raise refusal("number of entries", f"at most {MOST_ENTRIES}", self._entries)

    def entries(self, wanted: Callable[[str], bool]) -> dict[str, Any]:
        """Return the wanted entries; afterwards the place is behind the last one."""
        values: dict[str, Any] = {}
        seen: set[str] = set()
        for place in range(self._entries):
            key = self.text(f"entry {place}, key", LONGEST_KEY)
            if key in seen:
                raise refusal(f"entry {place}, key", "a key that no other entry has", key)
            seen.add(key)
            kind = self.number(KIND, f"{key}, kind")
            if wanted(key):
                values[key] = self._array(key) if kind == _ARRAY else self._value(kind, key)
            elif kind == _ARRAY:
                self._skip_array(key)
            else:
                self._value(kind, key)
        return values

    def _value(self, kind: int, field: str) -> Any:
        if kind == _TEXT:
            return self.text(field)
        if kind in _NUMBERS:
            number = self.number(_NUMBERS[kind], field)
            return number != 0 if kind == _BOOL else number
        raise refusal(f"{field}, kind", "a kind from 0 to 12, and no array within an array", kind)

    def _array(self, field: str) -> list[Any]:
        kind, length = self._array_head(field)
        if length > MOST_ITEMS:
            raise refusal(f"{field}, number of items", f"at most {MOST_ITEMS}", length)
        number = _NUMBERS.get(kind)
        if number:
            return [value for (value,) in number.iter_unpack(self._take(length * number.size, field))]
        return [self._value(kind, f"{field}[{place}]") for place in range(length)]

    def _skip_array(self, field: str) -> None:
        """Skip an array that nobody wants, without keeping any of it."""
        kind, length = self._array_head(field)
        if kind in _NUMBERS:
            self.place += length * _NUMBERS[kind].size
        else:
            for _ in range(length):
                self._value(kind, field)

    def _array_head(self, field: str) -> tuple[int, int]:
        """Return the kind of an array's items and their number, for which there must be bytes left."""
        kind = self.number(KIND, f"{field}, kind of its items")
        length = self.number(LENGTH, f"{field}, number of items")
        most = (len(self._data) - self.place) // _NUMBERS.get(kind, LENGTH).size
        if length > most:
            raise refusal(f"{field}, number of items", f"at most {most}, for which there are bytes left", length)
        return kind, length

    def text(self, field: str, longest: int | None = None) -> str:
        """Return the text that comes next."""
        length = self.number(LENGTH, f"{field}, length")
        if longest is not None and length > longest:
            raise refusal(f"{field}, length", f"at most {longest} bytes", length)
        return decode_text(self._take(length, field), field)

    def number(self, number: struct.Struct, field: str) -> Any:
        """Return the number that comes next."""
        return number.unpack(self._take(number.size, field))[0]

    def _take(self, length: int, field: str) -> bytes:
        left = len(self._data) - self.place
        if length > left:
            raise refusal(field, f"at most {left} bytes, which are left of the file", length)
        start, self.place = self.place, self.place + length
        return self._data[start : self.place]
