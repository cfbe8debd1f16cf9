"""The keys of pre-tokens and of pairs in hash tables.

A key of up to 15 bytes is two integers of 64 bits: the bytes, zeros after them, and the length at the very end.
"""

from __future__ import annotations

from numpy import uint64

from llm_tokenizer.bpe.fast.compiling import compiled, inlined
from llm_tokenizer.bpe.fast.instructions import Address, load8

SHORT_BYTES = 15
NOTHING = uint64(0)
ONE = uint64(1)
TOP_BYTE = uint64(56)
_MULTIPLIER = uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: neighbors land far from each other
_SECOND_MULTIPLIER = uint64(0xC2B2AE3D27D4EB4F)
_HALF = uint64(32)


@inlined
def low_bytes(count: int) -> uint64:
    """Return a mask of the lowest bytes of an integer, of all eight where `count` is larger."""
    return ~NOTHING if count >= 8 else (ONE << uint64(8 * count)) - ONE


@inlined
def short_key(text: Address, start: int, length: int) -> tuple[uint64, uint64]:
    """Return the key of up to 15 bytes."""
    low, high = load8(text, start), load8(text, start + 8)
    if length < 8:
        low, high = low & low_bytes(length), NOTHING
    else:
        high &= (ONE << uint64(8 * length - 64)) - ONE
    return low, high | uint64(length) << TOP_BYTE


@inlined
def hash_key(low: uint64, high: uint64) -> uint64:
    """Return the hash of a key; its lower 32 bits are the well mixed ones."""
    return (low ^ (high * _SECOND_MULTIPLIER)) * _MULTIPLIER >> _HALF


@compiled
def hash_bytes(text: Address, start: int, length: int) -> uint64:
    """Return a hash of any number of bytes: to be used as a key, all 64 bits of it."""
    mixed = uint64(length)
    for k in range(0, length, 8):
        mixed = (mixed ^ load8(text, start + k) & low_bytes(length - k)) * _MULTIPLIER
        mixed ^= mixed >> _HALF
    return mixed


@compiled
def same_bytes(text: Address, start: int, other: Address, other_start: int, length: int) -> bool:
    """Return whether two texts hold the same `length` bytes."""
    for k in range(0, length, 8):
        if (load8(text, start + k) ^ load8(other, other_start + k)) & low_bytes(length - k):
            return False
    return True
