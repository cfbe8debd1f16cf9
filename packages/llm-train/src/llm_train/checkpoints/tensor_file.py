"""Write a safetensors file as a stream, and hash it on the way: no more than one tensor is ever held a second time.

    8 bytes     length of the header, little-endian
    header      {"embedding": {"dtype": "F32", "shape": [2048, 192], "data_offsets": [0, 1572864]}, …}
    the rest    the values of all tensors, one after another

Source: the description of the format, https://github.com/huggingface/safetensors#format
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from llm_train.interface import CheckpointError

NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint64: "U64", torch.uint32: "U32",
    torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL", torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}  # fmt: skip
BLOCK = 1 << 24
"""Bytes that are hashed and written, or read, at once."""


@dataclass
class HashingFile:
    """Counts and hashes what is written to a file."""

    file: BinaryIO
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0

    def write(self, content: bytes | memoryview) -> None:
        """Write some bytes."""
        self.file.write(content)
        self.digest.update(content)
        self.size += len(content)

    @property
    def entry(self) -> dict[str, Any]:
        """The size and the hash of all that was written."""
        return {"bytes": self.size, "sha256": self.digest.hexdigest()}


def hash_file(path: Path) -> dict[str, Any]:
    """Return the size and the hash of a file, read block by block."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def write_tensors(file: HashingFile, tensors: Mapping[str, Tensor]) -> None:
    """Write all tensors, each in the dtype that it has.

    Raises:
        CheckpointError: a tensor has a dtype that the format does not know.
    """
    # The widest first, so that each begins at a multiple of its size, as readers that map the file want it.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        tensor = tensors[name]
        if tensor.dtype not in NAMES:
            raise CheckpointError(f"{name} cannot be saved: safetensors files have no {tensor.dtype}")
        begin, end = end, end + tensor_bytes(tensor)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        values = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
        for begin in range(0, len(values), BLOCK):
            file.write(values[begin : begin + BLOCK])


def tensor_bytes(tensor: Tensor) -> int:
    """Return how many bytes the values of a tensor take in a file."""
    return tensor.numel() * tensor.element_size()
