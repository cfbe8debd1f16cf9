"""Compiling Python to machine code with numba, and the three machine instructions that Python has no word for.

The fast modules work on eight bytes at once: an integer of 64 bits holds eight characters of English, and a handful of
additions on it ask a question of all eight. That needs unsigned integers throughout (numba makes a float of an
unsigned and a signed one), hence the constants wrapped in `uint64`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ids = NDArray[np.int32]
Integers = NDArray[np.int64]

signed = cast("Callable[[Any], int]", np.int64)  # in compiled code `int` leaves an unsigned number unsigned

PADDING = 64  # bytes that must follow a text in memory, so that eight bytes can be loaded at its very end


# Which sources the machine code on disk must come from. By itself numba looks only at the file of the function that is
# called and would go on using it when what it calls, in another file, has changed.
_SOURCES = sorted((path.name, path.stat().st_mtime_ns) for path in Path(__file__).parent.glob("*.py"))


def compiled(function: Function) -> Function:
    """Compile at the first call, keep the machine code on disk, and let other threads run meanwhile."""
    dispatcher: Any = numba.njit(cache=True, nogil=True)(function)
    dispatcher._cache._cache_file._source_stamp = _SOURCES
    return cast("Function", dispatcher)


def intrinsic(generate: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose machine code is written by hand. The compiler's own first argument is not the caller's."""
    return cast("Callable[..., Any]", extending.intrinsic(generate))


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The address of the byte at a place of an array, as one of eight bytes."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(64).as_pointer())


@intrinsic
def _load8(typing_context: Any, data: Any, place: Any) -> Any:
    signature = types.uint64(data, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature, arguments), align=1)

    return signature, generate


@intrinsic
def _store8(typing_context: Any, data: Any, place: Any, word: Any) -> Any:
    signature = types.void(data, types.int64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, signature, arguments), align=1)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _trailing_zeros(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@compiled
def load8(data: Bytes, place: int) -> np.uint64:
    """The eight bytes from `place` on as one integer, the first byte lowest (all of numba's machines count so)."""
    word: np.uint64 = _load8(data, place)
    return word


@compiled
def store8(data: Bytes, place: int, word: np.uint64) -> None:
    """Write eight bytes to `place`."""
    _store8(data, place, word)


@compiled
def trailing_zeros(word: np.uint64) -> int:
    """How many zero bits lie below the lowest one; 64 where there is none."""
    count: int = _trailing_zeros(word)
    return count


def padded(data: bytes) -> Bytes:
    """The bytes as an array with `PADDING` zeros after them."""
    return np.frombuffer(data + bytes(PADDING), np.uint8)
