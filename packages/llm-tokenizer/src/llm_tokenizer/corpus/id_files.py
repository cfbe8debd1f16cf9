"""Read and write token ids: as text, as a NumPy array, or as raw 16- or 32-bit integers.

Raw integers are little-endian and unsigned, one after the other, without a header: training programs map them.
"""

from __future__ import annotations

import io
import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from llm_tokenizer.interface import TokenizerError, require_choice

FORMATS = ("text", "npy", "uint16", "uint32")
_TYPECODES = {"uint16": "H", "uint32": "I"}
_BLOCK = 1 << 16  # bytes that are read at once
_LONGEST_NUMBER = 20
_NPY = b"\x93NUMPY"


def write_ids(blocks: Iterable[list[int]], stream: BinaryIO, format: str, *, vocab_size: int) -> int:
    """Write the ids as they come and return how many there were. Only for `npy` all of them are gathered first.

    An `npy` file holds 16-bit integers if the vocabulary fits into them, else 32-bit ones.
    """
    require_choice("format", format, FORMATS)
    if format == "npy":
        return _write_array(blocks, stream, vocab_size)
    if format == "uint16" and vocab_size > 1 << 16:
        raise TokenizerError(
            f"format: uint16 has room for 65,536 ids and this vocabulary has {vocab_size:,}; use uint32"
        )
    count = 0
    for block in blocks:
        if format == "text":
            stream.write((" " * (count > 0 and bool(block)) + " ".join(map(str, block))).encode())
        else:
            stream.write(_little_endian(array(_TYPECODES[format], block)).tobytes())
        count += len(block)
    if format == "text":
        stream.write(b"\n")
    return count


def read_ids(stream: BinaryIO, format: str, *, vocab_size: int) -> Iterator[list[int]]:
    """Yield the ids of a file or a pipe in blocks; `vocab_size` is for the error where something is not an id."""
    require_choice("format", format, FORMATS)
    if format == "npy":
        return _read_array(stream)
    return _read_text(stream, vocab_size) if format == "text" else _read_raw(stream, format)


def _write_array(blocks: Iterable[list[int]], stream: BinaryIO, vocab_size: int) -> int:
    import numpy as np

    gathered = array("H" if vocab_size <= 1 << 16 else "I", chain.from_iterable(blocks))
    np.save(stream, np.frombuffer(gathered, dtype=gathered.typecode), allow_pickle=False)
    return len(gathered)


def _read_array(stream: BinaryIO) -> Iterator[list[int]]:
    import numpy as np
    from numpy.lib import format as npy_format

    data = io.BytesIO(stream.read())
    try:
        version = npy_format.read_magic(data)
        read_header = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, _, dtype = read_header(data)
    except Exception:  # bytes of a stranger make NumPy's reader raise half a dozen kinds
        raise TokenizerError("ids: must be a .npy file, but has no header of one; choose another --format") from None
    if len(shape) != 1 or dtype.kind not in "iu":
        raise TokenizerError(f"ids: must be one row of whole numbers, was {dtype} of shape {shape}")
    rest = data.getbuffer()[data.tell() :]
    if len(rest) != shape[0] * dtype.itemsize:
        raise TokenizerError(
            f"ids: the .npy file must hold {shape[0]} numbers of {dtype.itemsize} bytes, has {len(rest)} bytes"
        )
    numbers = np.frombuffer(rest, dtype=dtype)
    for start in range(0, len(numbers), _BLOCK):
        yield numbers[start : start + _BLOCK].tolist()


def _read_raw(stream: BinaryIO, format: str) -> Iterator[list[int]]:
    held = b""
    size = 2 if format == "uint16" else 4
    while block := stream.read(_BLOCK):
        held += block
        whole = len(held) // size * size
        yield _little_endian(array(_TYPECODES[format], held[:whole])).tolist()
        held = held[whole:]
    if held:
        raise TokenizerError(f"ids: must be {format} numbers of {size} bytes, but the last one has only {len(held)}")


def _read_text(stream: BinaryIO, vocab_size: int) -> Iterator[list[int]]:
    held = b""
    count = 0
    while block := stream.read(_BLOCK):
        held += block
        words = held.split()
        held = words.pop() if words and not block[-1:].isspace() else b""
        yield _numbers(words, count, vocab_size)
        count += len(words)
        if len(held) > _LONGEST_NUMBER:
            _numbers([held], count, vocab_size)
    yield _numbers(held.split(), count, vocab_size)


def _numbers(words: list[bytes], before: int, vocab_size: int) -> list[int]:
    for place, word in enumerate(words):
        if not word.isdigit() or len(word) > _LONGEST_NUMBER:
            hint = "; this is a .npy file, choose --format npy" if word.startswith(_NPY) else ""
            shown = word[:40].decode("utf-8", "replace") + "…" * (len(word) > 40)
            raise TokenizerError(
                f"ids[{before + place}]: must be a whole number from 0 to {vocab_size - 1}, was {shown!r}{hint}"
            )
    return list(map(int, words))


def _little_endian(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
