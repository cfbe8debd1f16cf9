"""MinHash: a hundred hashes of a text; two texts have about the same fraction of them in common as of shingles."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import numpy as np

SHINGLE = 16  # bytes: about three words
BANDS, ROWS = 25, 4
HASHES = BANDS * ROWS
_BLOCK = 1 << 14  # shingles that are hashed at once
_SPACE = re.compile(r"\s+")

Array = np.ndarray[Any, np.dtype[np.uint64]]


def minhash(text: str) -> Array:
    """Return the smallest value of each of a hundred hashes over the shingles of a text."""
    shingles = _shingles(_SPACE.sub(" ", text.casefold()).strip().encode("utf-8", "surrogatepass"))
    smallest = np.full(HASHES, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(shingles), _BLOCK):
        block = shingles[start : start + _BLOCK, None]
        np.minimum(smallest, _mix(block ^ _SALTS).min(axis=0), out=smallest)
    return smallest


def _shingles(data: bytes) -> Array:
    """Return a number for each different run of SHINGLE bytes; a shorter text is one shingle."""
    values = np.frombuffer(data.ljust(SHINGLE, b"\0"), dtype=np.uint8).astype(np.uint64)
    places = len(values) - SHINGLE + 1
    numbers = np.zeros(places, dtype=np.uint64)
    for start in range(SHINGLE):  # a polynomial in an odd number, modulo 2 ** 64
        numbers = numbers * np.uint64(0x9E3779B97F4A7C15) + values[start : start + places] + np.uint64(1)
    return np.unique(_mix(numbers))


def _mix(numbers: Array) -> Array:
    """Scramble 64 bits so that each depends on all: multiply and fold, as in the hash SplitMix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


_SALTS = _mix(np.arange(1, HASHES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))


class SignatureIndex:
    """The signatures so far, found by any of their bands."""

    def __init__(self) -> None:
        self._signatures: dict[int, Array] = {}
        self._holders: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)

    def add(self, number: int, signature: Array) -> None:
        """Add the signature of the document of that number."""
        self._signatures[number] = signature
        for key in _bands(signature):
            self._holders[key].append(number)

    def most_similar(self, signature: Array) -> tuple[int | None, float]:
        """Return the document that agrees in most hashes, the earliest of equals, and their fraction."""
        candidates = sorted({number for key in _bands(signature) for number in self._holders.get(key, ())})
        fractions = [float((self._signatures[number] == signature).mean()) for number in candidates]
        most = max(fractions, default=0.0)
        return (candidates[fractions.index(most)], most) if candidates else (None, 0.0)


def _bands(signature: Array) -> list[tuple[int, bytes]]:
    """Return the 25 bands of 4 hashes; texts that have one in common are worth comparing."""
    return [(band, row.tobytes()) for band, row in enumerate(signature.reshape(BANDS, ROWS))]
