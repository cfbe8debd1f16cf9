"""The tokens of a text, however many shards they are in: one long row of ids, of which any part can be read.

A memory map takes no memory of its own, whatever the size: the system keeps the pages that batches use while there is
room for them. A shard is mapped when something of it is read for the first time.
"""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from llm_train.data.shards import (
    ENDS,
    SHARD_TOKENS,
    EncodedPart,
    Shard,
    ShardWriter,
    TokenHeader,
    joined,
    read_header,
    token_dtype,
    write_header,
)
from llm_train.interface import TrainError

Numbers = NDArray[np.int64]


class WindowTable(Protocol):
    """Which pieces of a text stand in which window; see `packed_windows.py`."""

    def __len__(self) -> int:
        """The number of windows."""

    def pieces(self, window: int) -> list[tuple[int, int]]:
        """Return start and length of each piece of a window."""


class TokenFile:
    """The ids of a text or of a part of it, with the ends of its documents."""

    def __init__(self, path: Path, header: TokenHeader, part: slice | None = None, size: int | None = None) -> None:
        """Take the files of a header at `path`; `part` is the part that is meant, `size` its bytes of text."""
        self.path, self.header = path, header
        self.start, self.stop, _ = (part or slice(None)).indices(header.tokens)
        self.bytes = header.bytes if size is None else size
        self.packed: WindowTable | None = None
        sizes = [shard.tokens for shard in header.shards]
        self._first = np.cumsum([0, *sizes])
        self._maps: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return self.stop - self.start

    def part(self, start: int, stop: int, size: int) -> "TokenFile":
        """Return the tokens from `start` to before `stop` as a text of its own, of `size` bytes."""
        return TokenFile(self.path, self.header, slice(self.start + start, self.start + stop), size)

    def read(self, start: int, length: int) -> Numbers:
        """Return ids from a place on; a part may lie in several shards."""
        return self._read(start, length, lambda shard: self._map(shard.file, np.dtype(self.header.dtype)))

    def at(self, places: Numbers) -> Numbers:
        """Return the ids at some places."""
        found = np.empty_like(places)
        shard_of = np.searchsorted(self._first, places + self.start, side="right") - 1
        for number in np.unique(shard_of):
            there, first = shard_of == number, self._first[number]
            ids = self._map(self.header.shards[number].file, np.dtype(self.header.dtype))
            found[there] = ids[places[there] + self.start - first]
        return found

    def learned(self, start: int, length: int) -> NDArray[np.bool_] | None:
        """Return which tokens are to be learned as targets; None where the files have no mask."""
        if not any(shard.mask for shard in self.header.shards):
            return None
        return self._read(start, length, self._mask).astype(bool)

    def ends(self, start: int, length: int) -> Numbers:
        """Return where documents end within a part: places from 1 to its length, counted from its start."""
        low, high = self.start + start, self.start + start + length
        found = []
        for number in self._shards(low, high + 1):
            ends, first = self._ends(number), int(self._first[number])
            wanted = np.array([max(low - first, 0), high - first], np.uint64)
            some = ends[slice(*np.searchsorted(ends, wanted, side="right"))]
            found.append(some.astype(np.int64) + first - low)
        return np.concatenate([*found, np.zeros(0, np.int64)])

    def all_ends(self, block: int = 1 << 16) -> Iterator[Numbers]:
        """Yield all ends in order, counted from the beginning of this text, so many at a time."""
        held = np.zeros(0, np.int64)
        for number in self._shards(self.start, self.stop):
            ends, first = self._ends(number), int(self._first[number])
            for begin in range(0, len(ends), block):
                some = ends[begin : begin + block].astype(np.int64) + first
                held = np.concatenate([held, some[(some > self.start) & (some <= self.stop)] - self.start])
                if len(held) >= block:
                    yield held[:block]
                    held = held[block:]
        yield held

    def _read(self, start: int, length: int, mapped: Any) -> Numbers:
        low, high = self.start + start, self.start + start + length
        if not self.start <= low <= high <= self.stop:
            raise TrainError(f"{self.path}: has {len(self)} tokens, those from {start} to {start + length} were wanted")
        parts = []
        for number in self._shards(low, high):
            first = int(self._first[number])
            parts.append(mapped(self.header.shards[number])[max(low - first, 0) : high - first])
        return np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64)

    def _shards(self, low: int, high: int) -> range:
        """The numbers of the shards that hold tokens from `low` to before `high`."""
        begin, end = np.searchsorted(self._first, [low, high - 1], side="right")
        return range(max(int(begin) - 1, 0), min(int(end), len(self.header.shards)))

    def _ends(self, number: int) -> NDArray[Any]:
        return self._map(self.header.shards[number].ends, ENDS)

    def _mask(self, shard: Shard) -> NDArray[Any]:
        if not shard.mask:
            return np.broadcast_to(np.uint8(1), shard.tokens)
        return self._map(shard.mask, np.dtype(np.uint8))

    def _map(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        if name not in self._maps:
            path = self.path.parent / name
            is_empty = not path.stat().st_size  # such a file cannot be mapped
            self._maps[name] = np.zeros(0, dtype) if is_empty else np.memmap(path, dtype=dtype, mode="r")
        return self._maps[name]


def open_tokens(path: Path, *, tokenizer_sha256: str | None = None) -> TokenFile:
    """Open the tokens that a header describes, after checking that all files are there and have their sizes.

    Raises:
        TrainError: a file is missing or cut, or another tokenizer made the ids: they would be another text.
    """
    header = read_header(path)
    if tokenizer_sha256 is not None and header.tokenizer_sha256 != tokenizer_sha256:
        raise TrainError(f"{path}: its tokens were made by another tokenizer; prepare them again, or use --run NAME")
    return TokenFile(path, header)


def write_tokens(
    path: Path,
    parts: Iterable[EncodedPart],
    *,
    separator: int | None,
    vocab_size: int,
    tokenizer_sha256: str,
    shard_tokens: int = SHARD_TOKENS,
) -> "TokenFile":
    """Write the ids of all documents as shards beside `path`, and there, last, the header: then they are whole.

    Args:
        path: of the header, for example `training.json`.
        parts: the documents, part by part; only one part is in memory.
        separator: written before the first document and after each; None writes none.
        vocab_size: above every id.
        tokenizer_sha256: of the tokenizer that made the ids.
        shard_tokens: when a shard has so many tokens, its document is the last in it.

    Raises:
        TrainError: an id is not in the vocabulary.
    """
    dtype, stream, shards, size = token_dtype(vocab_size), iter(parts), list[Shard](), 0
    for number in count():
        first = next(stream, None)
        if first is None and shards:
            break
        writer = ShardWriter(path.with_name(f"{path.stem}-{number:05d}"), dtype, vocab_size, separator)
        with writer:
            if not shards:
                writer.begin()
            part = first
            while part is not None:
                writer.write(part)
                if part.ends_document and writer.tokens >= shard_tokens:
                    break
                part = next(stream, None)
        shards.append(writer.shard)
        size += writer.bytes
    header = joined(shards, size=size, vocab_size=vocab_size, separator=separator, tokenizer_sha256=tokenizer_sha256)
    return TokenFile(path, write_header(path, header))
