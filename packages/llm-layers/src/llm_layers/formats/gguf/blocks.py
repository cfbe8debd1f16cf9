"""How GGUF stores weights in blocks: a few bits for each weight, and a scale for all of them.

Weights of one row are of similar size, so a block of 32 neighbors has one scale, and each weight is left with four to
eight bits: how many times that scale it is. A block is read alone: it holds all that its weights need.

    Q8_0   34 bytes, 32 weights     [d d][q × 32]                     y = d · q                q from -128 to 127
    Q4_0   18 bytes, 32 weights     [d d][q q × 16]                   y = d · (q - 8)          q from 0 to 15
    Q4_1   20 bytes, 32 weights     [d d][m m][q q × 16]              y = d · q + m
    Q5_0   22 bytes, 32 weights     [d d][high × 4][low × 16]         y = d · (q - 16)         q from 0 to 31
    Q5_1   24 bytes, 32 weights     [d d][m m][high × 4][low × 16]    y = d · q + m
    Q4_K  144 bytes, 256 weights    [d d][m m][scales × 12][q q × 128]   y = d · s · q - m · t
    Q5_K  176 bytes, 256 weights    [d d][m m][scales × 12][high × 32][low × 128]
    Q6_K  210 bytes, 256 weights    [low × 128][high × 64][s × 16][d d]  y = d · s · (q - 32)

`d` and `m` are float16, little-endian. Two 4-bit integers are in one byte: not neighbors, but two that are half a
block apart, so that one shift gives a run of neighbors and needs no interleaving:

    byte k  =  [ weight k+16 | weight k ]          (the high four bits on the left)

Each function takes the bytes of some blocks, one block a row, and returns their weights, one block a row, in float32.
The order of multiplication is that of the format's authors, because another order rounds otherwise in the last bit.

Source: the formats of ggml, ggml-common.h and ggml-quants.c, in the state of GGUF version 3.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

LOW = np.uint8(0x0F)


def read_q8_0(blocks: Bytes) -> Floats:
    """Multiply signed 8-bit integers by the scale. Eight bits lose so little that no minimum is needed."""
    return blocks[:, 2:].view(np.int8).astype(np.float32) * _half(blocks[:, 0:2])


def read_q4_0(blocks: Bytes) -> Floats:
    """Read four bits around zero: 8 stands for zero, so the steps run from -8 to 7."""
    steps = _nibbles(blocks[:, 2:], run=16).astype(np.int8) - np.int8(8)
    return _half(blocks[:, 0:2]) * steps.astype(np.float32)


def read_q4_1(blocks: Bytes) -> Floats:
    """Read four bits above a minimum: two bytes more, and no step is wasted where a block is not around zero."""
    return _half(blocks[:, 0:2]) * _nibbles(blocks[:, 4:], run=16).astype(np.float32) + _half(blocks[:, 2:4])


def read_q5_0(blocks: Bytes) -> Floats:
    """Read five bits around zero: 16 stands for zero. llama.cpp falls back to it where rows are too short for Q4_K."""
    steps = _with_fifth_bits(blocks[:, 2:6], blocks[:, 6:]).astype(np.int8) - np.int8(16)
    return _half(blocks[:, 0:2]) * steps.astype(np.float32)


def read_q5_1(blocks: Bytes) -> Floats:
    """Read five bits above a minimum."""
    steps = _with_fifth_bits(blocks[:, 4:8], blocks[:, 8:]).astype(np.float32)
    return _half(blocks[:, 0:2]) * steps + _half(blocks[:, 2:4])


def read_q4_k(blocks: Bytes) -> Floats:
    """Read eight blocks of 32 with a scale and a minimum of six bits each, which have one float16 scale of their own.

    A float16 for each 32 weights would cost half a bit a weight, a whole bit with a minimum. This costs half of it.
    """
    return _scaled(blocks, _nibbles(blocks[:, 16:], run=32).reshape(-1, 8, 32))


def read_q5_k(blocks: Bytes) -> Floats:
    """Read `read_q4_k` with a fifth bit: bit i of a high byte belongs to the block of 32 with the number i."""
    low = _nibbles(blocks[:, 48:], run=32).reshape(-1, 8, 32)
    high = blocks[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[None, :, None] & np.uint8(1)
    return _scaled(blocks, low | high << np.uint8(4))


def read_q6_k(blocks: Bytes) -> Floats:
    """Read sixteen blocks of 16 with a scale of eight bits each; six bits a weight, four in one place, two in another.

    Six bits do not fit evenly into bytes, so the low four are as in the formats above, in runs of 64, and of the high
    two a byte holds those of four weights which are 32 apart:

        high byte k  =  [ weight k+96 | weight k+64 | weight k+32 | weight k ]
    """
    low = _nibbles(blocks[:, 0:128], run=64).reshape(-1, 2, 4, 32)
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)[None, None, :, None]
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> shifts & np.uint8(0x03)
    steps = (low | high << np.uint8(4)).astype(np.int8) - np.int8(32)
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32)
    scale = (_half(blocks[:, 208:210]) * scales)[:, :, None]
    return (scale * steps.reshape(-1, 16, 16).astype(np.float32)).reshape(-1, 256)


def write_q8_0(values: Floats) -> Bytes:
    """Return the blocks of 34 bytes that are nearest to these values.

    The scale is the one with which the largest value of the block becomes 127. Halves are rounded away from zero, as
    the format's authors do it; NumPy's own rounding would take the even neighbor. The scale is rounded to float16
    only after it has been used, so that what is stored may differ by a little from what was divided by.
    """
    blocks = values.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
    steps = blocks * inverse
    size = np.abs(steps)
    whole = np.floor(size)
    rounded = np.sign(steps) * (whole + np.floor(2 * (size - whole)))
    data = (scale.astype(np.float16).view(np.uint8), rounded.astype(np.int8).view(np.uint8))
    return np.concatenate(data, axis=1)


def _scaled(blocks: Bytes, steps: Bytes) -> Floats:
    """Scale eight blocks of 32 by the twelve bytes of six-bit scales and minima that Q4_K and Q5_K have in common.

    byte 0-3    [ E E | A A A A A A ]    six bits of the scales of blocks 0 to 3; above them two of blocks 4 to 7
    byte 4-7    [ e e | a a a a a a ]    the same for the minima
    byte 8-11   [ e e e e | E E E E ]    the other four bits of the minima and of the scales of blocks 4 to 7
    """
    first, second, third = blocks[:, 4:8], blocks[:, 8:12], blocks[:, 12:16]
    scales = np.concatenate([first & 0x3F, (third & LOW) | (first >> 6 << 4)], axis=1).astype(np.float32)
    minima = np.concatenate([second & 0x3F, (third >> 4) | (second >> 6 << 4)], axis=1).astype(np.float32)
    scale = (_half(blocks[:, 0:2]) * scales)[:, :, None]
    minimum = (_half(blocks[:, 2:4]) * minima)[:, :, None]
    return (scale * steps.astype(np.float32) - minimum).reshape(-1, 256)


def _half(data: Bytes) -> Floats:
    """Return the two bytes of each block as a float16, in float32."""
    return np.ascontiguousarray(data).view("<f2").astype(np.float32)


def _nibbles(data: Bytes, *, run: int) -> Bytes:
    """Return the 4-bit integers in bytes: of each run first all low halves, then all high halves."""
    runs = data.reshape(len(data), -1, 1, run)
    shifts = np.array([0, 4], dtype=np.uint8)[None, None, :, None]
    return (runs >> shifts & LOW).reshape(len(data), -1)


def _with_fifth_bits(high: Bytes, low: Bytes) -> Bytes:
    """Return 5-bit integers: bit k of the high bytes, read as one little-endian number, belongs to weight k."""
    fifth = np.unpackbits(np.ascontiguousarray(high), axis=1, bitorder="little")
    return _nibbles(low, run=16) | fifth << np.uint8(4)
