"""How GGUF stores numbers in blocks: a few bits for each of them, and a scale for all.

Weights of one row are of like size, so a block of 32 neighbours shares a scale, and each number is left with 8 or 4
bits that say how many times that scale it is. A block is read alone: it holds all that its numbers need.

    Q8_0   34 bytes, 32 numbers     [d d][q × 32]                     y = d · q                q from -128 to 127
    Q4_0   18 bytes, 32 numbers     [d d][q q × 16]                   y = d · (q - 8)          q from 0 to 15
    Q4_1   20 bytes, 32 numbers     [d d][m m][q q × 16]              y = d · q + m
    Q4_K  144 bytes, 256 numbers    [d d][m m][scales × 12][q q × 128]   y = d · s · q - m · t
    Q6_K  210 bytes, 256 numbers    [q low × 128][q high × 64][s × 16][d d]   y = d · s · (q - 32)

`d` and `m` are float16, little-endian. Two 4-bit numbers share a byte: not neighbours, but numbers half a block apart,
so that one shift gives a run of neighbours and needs no interleaving:

    byte k  =  [ number k+16 | number k ]          (the high four bits on the left)

Each function takes the bytes of some blocks, one block a row, and gives their numbers, one block a row, in float32. The
order of multiplication is that of the format's authors, since another one rounds otherwise in the last bit.

Source: the formats of ggml, ggml-common.h and ggml-quants.c, in the state of GGUF version 3.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

LOW = np.uint8(0x0F)


def read_q8_0(blocks: Bytes) -> Floats:
    """Whole numbers of eight bits with a sign, times the scale. Eight bits lose so little that no minimum is needed."""
    return blocks[:, 2:].view(np.int8).astype(np.float32) * _half(blocks[:, 0:2])


def read_q4_0(blocks: Bytes) -> Floats:
    """Four bits around zero: 8 stands for zero. The sixteen steps lie evenly on both sides."""
    steps = _nibbles(blocks[:, 2:], run=16).astype(np.int8) - np.int8(8)
    return _half(blocks[:, 0:2]) * steps.astype(np.float32)


def read_q4_1(blocks: Bytes) -> Floats:
    """Four bits above a minimum: two bytes more, and no step is wasted where a block does not lie around zero."""
    return _half(blocks[:, 0:2]) * _nibbles(blocks[:, 4:], run=16).astype(np.float32) + _half(blocks[:, 2:4])


def read_q4_k(blocks: Bytes) -> Floats:
    """Eight blocks of 32 with a scale and a minimum of six bits each, which share a float16 scale of their own.

    A float16 for each of 32 numbers would cost a bit a number, twice that with a minimum. Scales of scales cost half.

        byte 0-3    [ E E | A A A A A A ]    six bits of the scales of blocks 0 to 3; above them two of blocks 4 to 7
        byte 4-7    [ e e | a a a a a a ]    the same for the minima
        byte 8-11   [ e e e e | E E E E ]    the other four bits of the minima and of the scales of blocks 4 to 7
    """
    first, second, third = blocks[:, 4:8], blocks[:, 8:12], blocks[:, 12:16]
    scales = np.concatenate([first & 0x3F, (third & LOW) | (first >> 6 << 4)], axis=1).astype(np.float32)
    minima = np.concatenate([second & 0x3F, (third >> 4) | (second >> 6 << 4)], axis=1).astype(np.float32)
    scale = (_half(blocks[:, 0:2]) * scales)[:, :, None]
    minimum = (_half(blocks[:, 2:4]) * minima)[:, :, None]
    steps = _nibbles(blocks[:, 16:], run=32).reshape(-1, 8, 32).astype(np.float32)
    return (scale * steps - minimum).reshape(-1, 256)


def read_q6_k(blocks: Bytes) -> Floats:
    """Sixteen blocks of 16 with a scale of eight bits each; six bits a number, four in one place and two in another.

    Six bits do not fit evenly into bytes, so the low four stand as in the formats above, in runs of 64, and of the high
    two a byte holds those of four numbers which are 32 apart:

        high byte k  =  [ number k+96 | number k+64 | number k+32 | number k ]
    """
    low = _nibbles(blocks[:, 0:128], run=64).reshape(-1, 2, 4, 32)
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)[None, None, :, None]
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> shifts & np.uint8(0x03)
    steps = (low | high << np.uint8(4)).astype(np.int8) - np.int8(32)
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32)
    scale = (_half(blocks[:, 208:210]) * scales)[:, :, None]
    return (scale * steps.reshape(-1, 16, 16).astype(np.float32)).reshape(-1, 256)


def write_q8_0(numbers: Floats) -> Bytes:
    """The blocks of 34 bytes whose numbers are nearest to these.

    The scale is the one with which the largest number of the block becomes 127. Halves are rounded away from zero, as
    the format's authors do it; NumPy's own rounding would take the even neighbour. The scale is rounded to float16
    only after it has been used, so that what is stored may differ by a little from what was divided by.
    """
    blocks = numbers.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
    steps = blocks * inverse
    size = np.abs(steps)
    whole = np.floor(size)
    rounded = np.sign(steps) * (whole + np.floor(2 * (size - whole)))
    data = (scale.astype(np.float16).view(np.uint8), rounded.astype(np.int8).view(np.uint8))
    return np.concatenate(data, axis=1)


def _half(data: Bytes) -> Floats:
    """The two bytes of each block as a float16, in float32."""
    return np.ascontiguousarray(data).view("<f2").astype(np.float32)


def _nibbles(data: Bytes, *, run: int) -> Bytes:
    """The 4-bit numbers of bytes: of each run first all low halves, then all high halves."""
    runs = data.reshape(len(data), -1, 1, run)
    shifts = np.array([0, 4], dtype=np.uint8)[None, None, :, None]
    return (runs >> shifts & LOW).reshape(len(data), -1)
