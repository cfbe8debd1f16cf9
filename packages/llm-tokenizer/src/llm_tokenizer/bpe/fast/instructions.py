"""What compiled functions can do and Python has no word for: memory at an address, eight bytes at once.

An integer of 64 bits holds eight characters of English, and a handful of additions on it ask a question of all eight.
That needs unsigned integers throughout (numba makes a float of an unsigned and a signed one), hence the constants
wrapped in `uint64`. In compiled code each function here is one machine instruction (`lowering.py`); what stands here
says what it does, and lets all of it run as plain Python, too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ids = NDArray[np.int32]
Integers = NDArray[np.int64]

Address = int  # of the first byte of an array in memory; a call from Python may hand over bytes as they are

signed = cast("Callable[[Any], int]", np.int64)  # in compiled code `int` leaves an unsigned number unsigned

PADDING = 64  # bytes that must follow a text in memory, so that eight bytes can be loaded at its very end


def padded(data: bytes) -> bytes:
    """The bytes with `PADDING` zeros after them."""
    return data + bytes(PADDING)


def address_of(array: NDArray[Any]) -> Address:
    """Where an array begins in memory."""
    address: Address = array.__array_interface__["data"][0]
    return address


def map_of(arrays: Sequence[NDArray[Any]]) -> Integers:
    """Address and size of each array, for compiled code that needs many. It does not keep them alive."""
    return np.array([(address_of(array), array.size) for array in arrays], np.int64)


def bytes_at(address: Address, count: int) -> Bytes:
    """The bytes at an address as an array."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * count).from_address(address))


def words_at(address: Address, count: int) -> Words:
    """The same for unsigned integers of 64 bits."""
    return np.ctypeslib.as_array((ctypes.c_uint64 * count).from_address(address))


def ids_at(address: Address, count: int) -> Ids:
    """The same for signed integers of 32 bits."""
    return np.ctypeslib.as_array((ctypes.c_int32 * count).from_address(address))


def integers_at(address: Address, count: int) -> Integers:
    """The same for signed integers of 64 bits."""
    return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address))


def byte_at(address: Address, place: int) -> int:
    """The byte at that place after the address."""
    return ctypes.c_uint8.from_address(address + place).value


def load8(address: Address, place: int) -> np.uint64:
    """The eight bytes from there on as one integer, the first byte lowest (all of numba's machines count so)."""
    return np.uint64(ctypes.c_uint64.from_address(address + place).value)


def store8(address: Address, place: int, word: np.uint64) -> None:
    """Write eight bytes there."""
    ctypes.c_uint64.from_address(address + place).value = int(word)


def store4(address: Address, place: int, word: np.uint64) -> None:
    """Write the lower four bytes there."""
    ctypes.c_uint32.from_address(address + place).value = int(word) & 0xFFFFFFFF


def trailing_zeros(word: np.uint64) -> int:
    """How many zero bits lie below the lowest one; 64 where there is none."""
    number = int(word)
    return (number & -number).bit_length() - 1 if number else 64


def prefetch(address: Address, place: int) -> None:
    """Tell the processor that this place in memory will be asked for soon."""
