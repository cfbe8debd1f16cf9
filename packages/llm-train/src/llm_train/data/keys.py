"""Random numbers that are looked up, not drawn: from a few whole numbers a hash makes one that looks like chance.

A generator that is drawn from has a state, which would have to be saved, sent to every process, and wound forward to
the place where a run is resumed. A hash of (seed, pass, row) needs nothing: any thread on any machine computes it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ORDER, SHIFT, ROW = 1, 2, 3
"""The first number of every key says what it is for, so that equal (seed, number) pairs share no chance."""

GOLDEN = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio, and odd: its multiples lie as evenly as possible."""

Words = NDArray[np.uint64]


def mix(words: Words) -> Words:
    """Return each 64-bit word scrambled: every bit of it changes about half of the bits of the answer.

    Formula:
        x = (x ⊕ x ⋅ 2^-30) ⋅ BF58476D1CE4E5B9, x = (x ⊕ x ⋅ 2^-27) ⋅ 94D049BB133111EB, then x ⊕ x ⋅ 2^-31 (mod 2^64)

    Why it works:
        Multiplying carries low bits up, the shifted exclusive or carries high bits down. Both can be undone, so no two
        words become one.

    Source: Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number Generators (SplitMix64, variant 13 of
        Stafford 2011, Better Bit Mixing).
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def hashed(*numbers: ArrayLike) -> Words:
    """Return a hash of whole numbers, the same for the same ones in the same order; arrays are broadcast.

    Formula:
        h = 0, then for each number x: h = mix(h + GOLDEN + x) (mod 2^64)
    """
    words: Words = np.zeros(1, np.uint64)  # an array: of a single number NumPy would report the overflow
    for number in numbers:
        words = mix(words + np.uint64(GOLDEN) + np.asarray(number).astype(np.uint64))
    return words.reshape(np.broadcast_shapes(*map(np.shape, numbers)))


def row_keys(seed: int, pass_number: int, rows: ArrayLike) -> NDArray[np.int64]:
    """Return the key of the random draws of each row of a batch, from 0 to 2^63 − 1.

    Formula:
        key = ⌊h / 2⌋, where h = 0 and then, for x = 3, seed, pass, row: h = mix(h + 9E3779B97F4A7C15 + x) (mod 2^64)

    Why it works:
        What is dropped from a row depends on which row it is, not on who computes it. So two threads, two machines, and
        one thread that does it all in two passes drop the same, and a resumed run draws what it would have drawn.

    Args:
        seed: of the run, from 0 to 2^63 − 1.
        pass_number: which forward pass of the run, from 0.
        rows: numbers of the rows within the pass; samples, which are counted through the whole run, are rows of pass 0.

    Spec: train.row_keys
    Source: Salmon, Moraes, Dror and Shaw 2011, Parallel Random Numbers: As Easy as 1, 2, 3 (counter-based generators).
    """
    return (hashed(ROW, seed, pass_number, rows) >> np.uint64(1)).astype(np.int64)
