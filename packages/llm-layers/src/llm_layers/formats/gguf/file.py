"""A GGUF file as metadata and tensors; every number in it is compared with the size of the file before it is used.

    head     GGUF · version · number of tensors · number of entries
    entries  key · kind · value, again and again
    tensors  name · number of axes · axes, the innermost first · type · place in the data
             then zeros up to the next multiple of the alignment
    data     the tensors, each at a multiple of the alignment

Head and entries are read by `llm_tokenizer.files.gguf_metadata`, which knows the vocabulary in the same file. It is
mapped into memory: a tensor's bytes are fetched from the disk when it is decoded, and no tensor is held twice.
"""

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from llm_layers.formats.gguf.blocks import Bytes, Floats
from llm_layers.formats.gguf.tensor_types import BY_CODE, TensorType, decode
from llm_layers.interface import LayersError
from llm_tokenizer.files.fields import FieldError, refusal
from llm_tokenizer.files.gguf_metadata import KIND, LENGTH, GgufHeader, mapped
from llm_tokenizer.files.gguf_writing import ENDS

ALIGNMENT = "general.alignment"
WORDS = ("tokenizer.ggml.model", *(f"tokenizer.ggml.{name}_token_id" for name in ("bos", *ENDS, "padding")))
WANTED = ("general.architecture", "general.type", ALIGNMENT, *WORDS)
LONGEST_NAME = 64  # bytes, the limit of the format
MOST_AXES = 4
SMALLEST_ENTRY = 8 + 4 + 8 + 4 + 8  # bytes of a tensor's entry with no name and one axis


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """One tensor of a file: its shape, the outermost axis first, and its bytes."""

    name: str
    kind: TensorType
    shape: tuple[int, ...]
    data: Bytes

    def values(self) -> Floats:
        """Return all its values in float32."""
        return decode(self.kind, self.data).reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class GgufFile:
    """The content of a file: settings, ids at which a text ends, tensors; `llm_tokenizer` reads the vocabulary."""

    metadata: Mapping[str, Any]
    words: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]


def read_gguf(path: str | os.PathLike[str]) -> GgufFile:
    """Read head, metadata and the places of all tensors; their values are read when they are asked for.

    Raises:
        LayersError: the file is missing or damaged, or holds a type of tensor that is not read.
    """
    path = Path(path)
    with naming(path), _opened(path) as file:
        data = mapped(file)
        header = GgufHeader(data)
        entries_read = header.entries(_is_wanted)
        metadata = {key: value for key, value in entries_read.items() if key not in WORDS}
        words = {key: value for key, value in entries_read.items() if key in WORDS}
        most = (len(data) - header.place) // SMALLEST_ENTRY
        if header.tensors > most:
            raise refusal("number of tensors", f"at most {most}, for which there are bytes left", header.tensors)
        entries = [_entry(header, place) for place in range(header.tensors)]
        alignment = metadata.get(ALIGNMENT, 32)
        if type(alignment) is not int or not 8 <= alignment <= 1 << 20 or alignment % 8:
            raise refusal(ALIGNMENT, "a multiple of 8 up to 1048576", alignment)
        start = -(-header.place // alignment) * alignment
        return GgufFile(metadata=metadata, words=words, tensors=_tensors(data, entries, start, alignment))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise everything that goes wrong inside as a `LayersError` that names this file."""
    try:
        yield
    except (FieldError, LayersError) as error:
        raise LayersError(f"'{path}': {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise LayersError(f"cannot be read: {reason}; check the path") from None


def _is_wanted(key: str) -> bool:
    """Return whether it is one of the model's settings, an id at which a text ends, or changes how the file is read."""
    return key in WANTED or not key.startswith(("general.", "tokenizer."))


def _entry(header: GgufHeader, place: int) -> tuple[StoredTensor, int]:
    """Read the entry of one tensor: all but its bytes, and where in the data they are."""
    name = header.text(f"tensor {place}, name", LONGEST_NAME)
    axes = header.number(KIND, f"{name}, number of axes")
    if not 1 <= axes <= MOST_AXES:
        raise refusal(f"{name}, number of axes", f"1 to {MOST_AXES}", axes)
    shape = tuple(header.number(LENGTH, f"{name}, axis {axis}") for axis in range(axes))[::-1]
    code = header.number(KIND, f"{name}, type")
    kind = BY_CODE.get(code)
    if kind is None:
        known = ", ".join(f"{code} ({kind.name})" for code, kind in BY_CODE.items())
        raise refusal(f"{name}, type", f"one of {known}", code, "use the model in another quantization")
    tensor = StoredTensor(name=name, kind=kind, shape=shape, data=np.empty(0, dtype=np.uint8))
    return tensor, header.number(LENGTH, f"{name}, place")


def _tensors(
    data: mmap.mmap, entries: list[tuple[StoredTensor, int]], start: int, alignment: int
) -> dict[str, StoredTensor]:
    """Add the bytes of each tensor, all of which must be inside the file."""
    content = np.frombuffer(data, dtype=np.uint8)
    tensors: dict[str, StoredTensor] = {}
    for entry, offset in entries:
        if entry.name in tensors:
            raise refusal("name of a tensor", "one that no other tensor has", entry.name)
        if 0 in entry.shape or entry.shape[-1] % entry.kind.numbers:
            must = f"axes of at least 1, the innermost a multiple of {entry.kind.numbers} for {entry.kind.name}"
            raise refusal(f"{entry.name}, axes", must, [str(size) for size in entry.shape])
        size = prod(entry.shape) // entry.kind.numbers * entry.kind.size  # integers of Python never overflow
        place = start + offset
        if offset % alignment or place + size > len(content):
            left = max(len(content) - start, 0)
            must = f"a multiple of {alignment} from which its {size} bytes fit into the {left} that the data has"
            raise refusal(f"{entry.name}, place", must, str(offset))
        tensors[entry.name] = replace(entry, data=content[place : place + size])
    return tensors
