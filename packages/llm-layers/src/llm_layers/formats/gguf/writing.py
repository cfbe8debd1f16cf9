"""Write a GGUF file: first what is in it, then one tensor after the other, so that none waits in memory."""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from llm_layers.formats.gguf.blocks import Floats
from llm_layers.formats.gguf.tensor_types import TensorType, encode
from llm_layers.interface import LayersError
from llm_tokenizer.files.writing import atomic_write

VERSION = 3
ALIGNMENT = 32  # what a reader assumes where the file holds none
WHOLE, SIGNED, FLOAT, TRUTH, TEXT, ARRAY = 4, 5, 6, 7, 8, 9


@dataclass(frozen=True, kw_only=True)
class TensorToWrite:
    """One tensor; its values are computed when it is written."""

    name: str
    kind: TensorType
    shape: tuple[int, ...]
    values: Callable[[], Floats]

    @property
    def size(self) -> int:
        """Its bytes in the file."""
        if self.shape[-1] % self.kind.numbers:
            raise LayersError(
                f"{self.name} must have rows of a multiple of {self.kind.numbers} weights for {self.kind.name}, "
                f"but has rows of {self.shape[-1]}: F32, F16 and BF16 hold any"
            )
        return prod(self.shape) // self.kind.numbers * self.kind.size


def write_gguf(path: Path, metadata: Mapping[str, Any], tensors: Sequence[TensorToWrite]) -> None:
    """Write the file under another name and rename it once it is on the disk.

    Raises:
        LayersError: something does not fit the format.
        OSError: the file cannot be written. An old file is left as it was.
    """
    head = _head(metadata, tensors)
    with atomic_write(path) as file:
        file.write(head)
        _pad(file, len(head))
        for tensor in tensors:
            data = encode(tensor.kind, tensor.name, tensor.values())
            assert len(data) == tensor.size
            file.write(data.data)
            _pad(file, tensor.size)


def _head(metadata: Mapping[str, Any], tensors: Iterable[TensorToWrite]) -> bytes:
    tensors = list(tensors)
    parts = [b"GGUF", struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, data = _value(key, value)
        parts += [_text(key), struct.pack("<I", kind), data]
    place = 0
    for tensor in tensors:
        axes = tensor.shape[::-1]
        parts += [_text(tensor.name), struct.pack(f"<I{len(axes)}Q", len(axes), *axes)]
        parts.append(struct.pack("<IQ", tensor.kind.code, place))
        place += -(-tensor.size // ALIGNMENT) * ALIGNMENT
    return b"".join(parts)


def _value(key: str, value: Any) -> tuple[int, bytes]:
    """Return the kind of a value and its bytes; whole numbers are unsigned alone and signed in arrays, as is usual."""
    if isinstance(value, bool):
        return TRUTH, struct.pack("<?", value)
    if isinstance(value, int):
        if not 0 <= value < 1 << 32:
            raise LayersError(f"{key} must be a whole number below 2^32 in a GGUF file, but was {value}")
        return WHOLE, struct.pack("<I", value)
    if isinstance(value, float):
        return FLOAT, struct.pack("<f", value)
    if isinstance(value, str):
        return TEXT, _text(value)
    return ARRAY, _array(value)


def _array(items: Sequence[Any]) -> bytes:
    first = items[0] if len(items) else ""
    if isinstance(first, str):
        return struct.pack("<IQ", TEXT, len(items)) + b"".join(map(_text, items))
    kind, code = (FLOAT, "f") if isinstance(first, float) else (SIGNED, "i")
    return struct.pack(f"<IQ{len(items)}{code}", kind, len(items), *items)


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _pad(file: BinaryIO, size: int) -> None:
    file.write(bytes(-size % ALIGNMENT))
