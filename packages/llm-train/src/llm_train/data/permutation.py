"""A shuffled order that is looked up, not stored: where the i-th of n things goes, for any n, from a key."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llm_train.data.keys import GOLDEN, Words, mix
from llm_train.interface import TrainError

ROUNDS = 8
LARGEST = 1 << 62


def permuted(index: ArrayLike, size: int, key: int) -> NDArray[np.int64]:
    """Return the place of each index in a shuffled order of the numbers from 0 to size − 1.

    Formula:
        The index is a left and a right half of b bits each, with the least b ≥ 1 for which 4^b ≥ size. Eight times:
        (left, right) = (right, left ⊕ ⌊mix(right + K_r) / 2^(64 − b)⌋), with K_r = mix(key + r · GOLDEN), r = 1 … 8.
        While the answer is not below size, all eight rounds are applied to it again.

    Why it works:
        A round changes one half by a hash of the other, which is still there: so it can be undone, whatever the hash
        is, and no two numbers become one (a Feistel network). After eight rounds the order looks like chance. The
        network permutes 4^b numbers, up to four times as many as there are. Walking on from a number that is too large
        stays on the cycle on which it lies and must come back below size, since the index itself is on that cycle; so
        the walk is a permutation of the smaller range. The remainder of a division would map several to one.

    An order of a trillion takes the same time and no memory, and can be asked for any place at once.

    Args:
        index: from 0 to size − 1, in any shape.
        size: how many there are, from 1 to 2^62.
        key: which order; from 0 to 2^64 − 1.

    Returns:
        The places, in the shape of `index`.

    Raises:
        TrainError: an argument is out of its range.

    Spec: train.permutation
    Source: Luby and Rackoff 1988, How to Construct Pseudorandom Permutations from Pseudorandom Functions; Black and
        Rogaway 2002, Ciphers with Arbitrary Finite Domains (cycle walking).
    """
    given = np.asarray(index)
    if not 1 <= size <= LARGEST:
        raise TrainError(f"size must be from 1 to 2^62, was {size}")
    if not 0 <= key < 1 << 64:
        raise TrainError(f"key must be from 0 to 2^64 - 1, was {key}")
    if given.size and (given.min() < 0 or given.max() >= size):
        raise TrainError(f"index must be from 0 to {size - 1}, was from {given.min()} to {given.max()}")
    bits = max(1, ((size - 1).bit_length() + 1) // 2)
    keys = mix(np.uint64(key) + np.arange(1, ROUNDS + 1, dtype=np.uint64) * np.uint64(GOLDEN))
    places = _network(given.astype(np.uint64).reshape(-1), bits, keys)
    while (outside := places >= np.uint64(size)).any():
        places[outside] = _network(places[outside], bits, keys)
    return places.astype(np.int64).reshape(given.shape)


def _network(words: Words, bits: int, keys: Words) -> Words:
    """Return each word of twice as many bits after all rounds."""
    half, top = np.uint64(bits), np.uint64(64 - bits)
    left, right = words >> half, words & np.uint64((1 << bits) - 1)
    for key in keys:
        left, right = right, left ^ (mix(right + key) >> top)
    return (left << half) | right
