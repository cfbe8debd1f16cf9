"""The types in which a GGUF file may hold a tensor, and how each becomes float32 and back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llm_layers.formats.gguf import blocks as packed
from llm_layers.formats.gguf.blocks import Bytes, Floats
from llm_layers.interface import LayersError

LARGEST = {"F16": 65504.0, "BF16": 3.3895e38, "Q8_0": 65504.0 * 127}  # beyond them a value would become infinite
BLOCKS_AT_ONCE = 1 << 14  # so that intermediate steps never need more than some megabytes


@dataclass(frozen=True, kw_only=True)
class TensorType:
    """One type.

    Args:
        name: what the format calls it.
        code: its number in a file.
        numbers: how many weights of a row are in one block; 1 for the plain types.
        size: bytes of a block.
        read: blocks, one a row, to weights, one block a row.
        write: weights to blocks; None for a type that is only read.
        file_type: the number by which a whole file states that most of it is of this type.
    """

    name: str
    code: int
    numbers: int
    size: int
    read: Callable[[Bytes], Floats]
    write: Callable[[Floats], Bytes] | None = None
    file_type: int | None = None


def read_f32(blocks: Bytes) -> Floats:
    """Return the bytes as they are."""
    return blocks.view("<f4").astype(np.float32, copy=False)


def read_f16(blocks: Bytes) -> Floats:
    """Read one bit of sign, five of exponent, ten of fraction: every float16 is also a float32."""
    return blocks.view("<f2").astype(np.float32)


def read_bf16(blocks: Bytes) -> Floats:
    """Read the upper half of a float32: the lower half is filled with zeros."""
    return (blocks.view("<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)


def write_f32(values: Floats) -> Bytes:
    """Return the bytes as they are."""
    return values.astype("<f4", copy=False).view(np.uint8)


def write_f16(values: Floats) -> Bytes:
    """Return the nearest float16; a value beyond its range becomes infinite, which the caller must refuse."""
    with np.errstate(over="ignore"):
        return values.astype("<f2").view(np.uint8)


def write_bf16(values: Floats) -> Bytes:
    """Return the upper half of the float32, rounded to the nearest, of two equally near to the even one."""
    bits = values.view(np.uint32).astype(np.uint64)
    return (bits + 0x7FFF + (bits >> np.uint64(16) & np.uint64(1)) >> np.uint64(16)).astype("<u2").view(np.uint8)


TYPES = {
    kind.name: kind
    for kind in (
        TensorType(name="F32", code=0, numbers=1, size=4, read=read_f32, write=write_f32, file_type=0),
        TensorType(name="F16", code=1, numbers=1, size=2, read=read_f16, write=write_f16, file_type=1),
        TensorType(name="BF16", code=30, numbers=1, size=2, read=read_bf16, write=write_bf16, file_type=32),
        TensorType(
            name="Q8_0", code=8, numbers=32, size=34, read=packed.read_q8_0, write=packed.write_q8_0, file_type=7
        ),
        TensorType(name="Q4_0", code=2, numbers=32, size=18, read=packed.read_q4_0),
        TensorType(name="Q4_1", code=3, numbers=32, size=20, read=packed.read_q4_1),
        TensorType(name="Q5_0", code=6, numbers=32, size=22, read=packed.read_q5_0),
        TensorType(name="Q5_1", code=7, numbers=32, size=24, read=packed.read_q5_1),
        TensorType(name="Q4_K", code=12, numbers=256, size=144, read=packed.read_q4_k),
        TensorType(name="Q5_K", code=13, numbers=256, size=176, read=packed.read_q5_k),
        TensorType(name="Q6_K", code=14, numbers=256, size=210, read=packed.read_q6_k),
    )
}
BY_CODE = {kind.code: kind for kind in TYPES.values()}
WRITTEN = {name: kind for name, kind in TYPES.items() if kind.write is not None}


def decode(kind: TensorType, data: Bytes) -> Floats:
    """Return the weights of all blocks, in one row."""
    blocks = data.reshape(-1, kind.size)
    values = np.empty((len(blocks), kind.numbers), dtype=np.float32)
    for start in range(0, len(blocks), BLOCKS_AT_ONCE):
        part = np.ascontiguousarray(blocks[start : start + BLOCKS_AT_ONCE])
        values[start : start + len(part)] = kind.read(part).reshape(len(part), kind.numbers)
    return values.reshape(-1)


def encode(kind: TensorType, name: str, values: Floats) -> Bytes:
    """Return the blocks of a tensor whose rows are a whole number of blocks.

    Raises:
        LayersError: the type is only read, or a value is beyond what the type can hold.
    """
    if kind.write is None:
        raise LayersError(f"dtype must be one of {', '.join(WRITTEN)}, but was {kind.name!r}, which is only read")
    largest = float(np.abs(values).max(initial=0.0))
    limit = LARGEST.get(kind.name, float(np.finfo(np.float32).max))
    if not largest <= limit:  # also where it is NaN
        raise LayersError(
            f"{name} must hold values of at most {limit:g} for {kind.name}, but holds {largest:g}: "
            "find out why the weights grew so large"
        )
    flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
    step = BLOCKS_AT_ONCE * kind.numbers
    parts = [kind.write(flat[start : start + step]).reshape(-1) for start in range(0, len(flat), step)]
    return np.concatenate(parts)
