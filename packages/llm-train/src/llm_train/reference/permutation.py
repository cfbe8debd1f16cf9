"""The order of the data and the keys of random draws, in whole numbers of Python, one at a time."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

WORD = 1 << 64
GOLDEN = 0x9E3779B97F4A7C15


def mix(word: int) -> int:
    """Scramble a word of 64 bits."""
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB % WORD
    return word ^ word >> 31


def hashed(*numbers: int) -> int:
    """Hash some numbers, one after the other."""
    word = 0
    for number in numbers:
        word = mix((word + GOLDEN + number) % WORD)
    return word


def permutation(index: Numbers, size: int, key: int) -> Numbers:
    """Eight rounds of a network that swaps two halves, again and again until the number is below the size."""
    if size < 1 or not all(0 <= i < size for i in index.flat):
        raise ValueError("index must be from 0 to size - 1")
    bits = 1
    while 4**bits < size:
        bits += 1
    half = 2**bits
    places = []
    for number in index.flat:
        place = int(number)
        while True:
            left, right = divmod(place, half)
            for r in range(1, 9):
                round_key = mix((key + r * GOLDEN) % WORD)
                left, right = right, left ^ mix((right + round_key) % WORD) // (WORD // half)
            place = left * half + right
            if place < size:
                break
        places.append(place)
    return np.array(places, dtype=np.int64).reshape(index.shape)


def row_keys(seed: int, pass_number: int, rows: Numbers) -> Numbers:
    """The upper 63 bits of a hash of 3, the seed, the pass and the row."""
    keys = [hashed(3, seed, pass_number, int(row)) // 2 for row in rows.flat]
    return np.array(keys, dtype=np.int64).reshape(rows.shape)


def window_starts(samples: Numbers, tokens: int, context_length: int, seed: int) -> Numbers:
    """Where the window of each sample begins: one window of its epoch's order, moved by its epoch's shift."""
    windows = (tokens - 1) // context_length - 1
    starts = []
    for sample in samples.flat:
        epoch, index = divmod(int(sample), windows)
        window = permutation(np.array([index]), windows, hashed(1, seed, epoch))[0]
        starts.append(int(window) * context_length + hashed(2, seed, epoch) % context_length)
    return np.array(starts, dtype=np.int64).reshape(samples.shape)
