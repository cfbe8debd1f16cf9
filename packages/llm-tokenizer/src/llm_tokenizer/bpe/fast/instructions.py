"""Operations on memory that Python has no words for, each of them one machine instruction.

An integer of 64 bits holds eight characters of English, and a few additions on it test all eight at once. That needs
unsigned integers throughout (numba makes a float of an unsigned and a signed one), hence the constants wrapped in
`uint64`. Loads and stores take an address and an offset in bytes and need no alignment; all machines that numba
supports store the lowest byte first. Nothing here checks bounds: the caller keeps within its arrays.

Source: numba documentation, "Implementing intrinsics"; llvmlite documentation, "IR builder".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic
from numpy import uint64
from numpy.typing import NDArray

from llm_tokenizer.bpe.fast.compiling import inlined

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ids = NDArray[np.int32]
Integers = NDArray[np.int64]
Array = TypeVar("Array", Bytes, Words, Ids, Integers)
Address = int  # of a byte in memory

signed = cast("Callable[[Any], int]", np.int64)  # in compiled code `int` leaves an unsigned integer unsigned

PADDING = 64  # bytes that must follow a text in memory, so that eight bytes can be loaded at its very end


def padded(*texts: bytes) -> Bytes:
    """Return the bytes of all texts in one array, each with `PADDING` zeros after it."""
    return np.frombuffer(bytearray(bytes(PADDING)).join([*texts, b""]), np.uint8)


@inlined
def address_of(array: NDArray[Any]) -> Address:
    """Return where an array begins in memory; for compiled code."""
    return signed(array.ctypes.data)


@intrinsic
def _typed_pointer(_: Any, array: Any, address: Any) -> Any:
    pointer = types.CPointer(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[1], context.get_value_type(pointer))

    return pointer(array, types.int64), generate


@inlined
def borrowed(array: Array) -> Array:
    """Return a view of an argument of an entry: numba counts no references to it, which saves a tenth of the time."""
    view: Array = carray(_typed_pointer(array, address_of(array)), array.size)
    return view


def _load(element: Any, result: Any) -> Any:
    @intrinsic
    def load(_: Any, address: Any, offset: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(builder.add(*arguments), context.get_value_type(types.CPointer(element)))
            return builder.zext(builder.load(pointer, align=1), context.get_value_type(result))

        return result(types.int64, types.int64), generate

    return load


def _store(element: Any) -> Any:
    @intrinsic
    def store(_: Any, address: Any, offset: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            to = builder.add(arguments[0], arguments[1])
            pointer = builder.inttoptr(to, context.get_value_type(types.CPointer(element)))
            builder.store(builder.trunc(arguments[2], context.get_value_type(element)), pointer, align=1)
            return to

        return types.int64(types.int64, types.int64, types.uint64), generate

    return store


byte_at: Callable[[Address, int], int] = _load(types.uint8, types.int64)
load8: Callable[[Address, int], uint64] = _load(types.uint64, types.uint64)
store8: Callable[[Address, int, uint64], Address] = _store(types.uint64)
store4: Callable[[Address, int, uint64], Address] = _store(types.uint32)  # the lower four bytes


@intrinsic
def _count_trailing_zeros(_: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, 0))

    return types.int64(types.uint64), generate


@intrinsic
def _prefetch(_: Any, address: Any, offset: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = builder.add(*arguments)
        pointer = builder.inttoptr(at, context.get_value_type(types.CPointer(types.uint8)))
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        to_read, keep_it, data = (ir.Constant(number, value) for value in (0, 3, 1))
        builder.call(function, [pointer, to_read, keep_it, data])
        return at

    return types.int64(types.int64, types.int64), generate


trailing_zeros: Callable[[uint64], int] = _count_trailing_zeros  # zero bits below the lowest one; 64 for zero
prefetch: Callable[[Address, int], Address] = _prefetch  # announce that this memory will be read soon
