"""Ids as NumPy arrays, without a Python number for each: for corpora, where a list would be most of the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 1 << 14  # tokens; what is worked on then fits into the processor's cache


def unpack(packed: Iterable[bytes]) -> NDArray[np.int32]:
    """All packed ids in a row as one array."""
    return np.frombuffer(bytearray().join(packed), np.int32)


class TokenBytes:
    """The bytes of all tokens in one array, from which those of many ids are gathered at once."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self._bytes = np.frombuffer(b"".join(tokens), np.uint8)
        self._lengths = np.fromiter(map(len, tokens), np.int32, len(tokens))
        self._starts = np.cumsum(self._lengths, dtype=np.int32) - self._lengths

    def gather(self, ids: NDArray[np.integer]) -> bytes:
        """The bytes of the ids, each of which must be known.

        Why it works:
            The n-th byte of the text is the n-th but so many of the token that it lies in. So for every byte it is
            enough to repeat, over the length of its token, where that token begins among all tokens and in the text.
        """
        return b"".join(self._gather(ids[k : k + AT_ONCE]) for k in range(0, len(ids), AT_ONCE))

    def _gather(self, ids: NDArray[np.integer]) -> bytes:
        lengths = self._lengths.take(ids)
        ends = lengths.cumsum(dtype=np.int32)
        places = np.repeat(self._starts.take(ids) + lengths - ends, lengths)
        places += np.arange(len(places), dtype=np.int32)
        return self._bytes.take(places).tobytes()
