"""Token files: ids in shards of raw little-endian integers, their document ends, and one JSON header.

training.json          {"dtype": "<u2", "tokens": 1709510, "shards": [{"file": "training-00000.bin", …}], …}
training-00000.bin     0a00 1c05 …   2 bytes an id (4 when the vocabulary has more than 65,536)
training-00000.ends    8 bytes a document: how many tokens of the shard come before its end

A hash of each file is taken while it is written. A start compares sizes only, since reading a terabyte takes hours;
`llm-train verify FOLDER` compares the hashes.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from llm_tokenizer.files.writing import atomic_write, write_json
from llm_train.interface import TrainError

FORMAT = "llm-train tokens 2"
SHARD_TOKENS = 1 << 28
"""A shard ends with the document that reaches this size."""
ENDS = np.dtype("<u8")
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of ids, and the files beside it; names are relative to the header's folder."""

    file: str
    tokens: int
    documents: int
    sha256: str
    ends: str
    ends_sha256: str
    mask: str = ""
    """A byte for each token: 0 where it is not to be learned as a target. Empty: all are."""
    mask_sha256: str = ""

    def files(self, itemsize: int) -> Iterator[tuple[str, int, str]]:
        """Yield name, size in bytes and SHA-256 of each file."""
        yield self.file, self.tokens * itemsize, self.sha256
        yield self.ends, self.documents * ENDS.itemsize, self.ends_sha256
        if self.mask:
            yield self.mask, self.tokens, self.mask_sha256


@dataclass(frozen=True, kw_only=True)
class TokenHeader:
    """What is known about the ids."""

    dtype: str
    tokens: int
    documents: int
    bytes: int
    """Of the text in UTF-8."""
    vocab_size: int
    separator: int | None
    """The id that ends every document; None if there is no such token."""
    tokenizer_sha256: str
    shards: tuple[Shard, ...]
    format: str = FORMAT


@dataclass(frozen=True)
class EncodedPart:
    """The ids of a document, or of a part of it if it is long."""

    ids: ArrayLike
    bytes: int
    """Of their text in UTF-8."""
    ends_document: bool = True


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """Return the smallest of the two types that holds every id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def write_header(path: Path, header: TokenHeader) -> TokenHeader:
    """Write the header, last of all: where it is, its files are whole."""
    write_json(path, asdict(header))
    return header


def joined(
    shards: Iterable[Shard], *, size: int, vocab_size: int, separator: int | None, tokenizer_sha256: str,
    dtype: np.dtype[Any] | None = None,
) -> TokenHeader:  # fmt: skip
    """Return the header of shards in this order, whoever wrote them; `size` is that of their text in bytes."""
    every = tuple(shards)
    return TokenHeader(
        dtype=(dtype or token_dtype(vocab_size)).str, tokens=sum(shard.tokens for shard in every),
        documents=sum(shard.documents for shard in every), bytes=size, vocab_size=vocab_size, separator=separator,
        tokenizer_sha256=tokenizer_sha256, shards=every,
    )  # fmt: skip


class ShardWriter:
    """Writes one shard as a context: both of its files appear, whole, when the context ends without an error."""

    def __init__(self, path: Path, dtype: np.dtype[Any], vocab_size: int, separator: int | None) -> None:
        """Write `path` with the suffixes .bin and .ends."""
        self.path, self.dtype, self.vocab_size, self.separator = path, dtype, vocab_size, separator
        self.tokens = self.documents = self.bytes = 0
        self._ids = _HashedFile(path.with_name(f"{path.name}.bin"))
        self._ends = _HashedFile(path.with_name(f"{path.name}.ends"))

    def begin(self) -> None:
        """Write a separator before the first document, from which its first token is predicted."""
        if self.separator is not None:
            self._write([self.separator])

    def write(self, part: EncodedPart) -> None:
        """Write a part of a document, and after its end the separator."""
        self._write(part.ids)
        self.bytes += part.bytes
        if part.ends_document:
            if self.separator is not None:
                self._write([self.separator])
            self.documents += 1
            self._ends.write(np.array([self.tokens], ENDS).tobytes())

    def _write(self, ids: ArrayLike) -> None:
        numbers = np.asarray(ids, dtype=np.int64)
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < self.vocab_size):
            raise TrainError(f"{self.path}: ids must be from 0 to {self.vocab_size - 1}, were up to {numbers.max()}")
        self._ids.write(numbers.astype(self.dtype).tobytes())
        self.tokens += numbers.size

    @property
    def shard(self) -> Shard:
        """What the header says about the shard."""
        return Shard(
            file=self._ids.path.name, tokens=self.tokens, documents=self.documents, sha256=self._ids.sha256,
            ends=self._ends.path.name, ends_sha256=self._ends.sha256,
        )  # fmt: skip

    def __enter__(self) -> "ShardWriter":
        self._ids.__enter__()
        self._ends.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._ends.__exit__(*error)
        self._ids.__exit__(*error)


class _HashedFile:
    """A file that is written atomically, and its hash."""

    def __init__(self, path: Path) -> None:
        self.path, self._digest, self._file = path, hashlib.sha256(), atomic_write(path)
        self._stream: BinaryIO | None = None

    def __enter__(self) -> None:
        self._stream = self._file.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def write(self, content: bytes) -> None:
        assert self._stream is not None, "only within the context"
        self._stream.write(content)
        self._digest.update(content)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def read_header(path: Path) -> TokenHeader:
    """Read a header and compare the sizes of its files.

    Raises:
        TrainError: a file is missing or damaged; the message names it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, this version reads {FORMAT!r}")
        header = TokenHeader(**(content | {"shards": tuple(Shard(**shard) for shard in content["shards"])}))
        itemsize = np.dtype(header.dtype).itemsize
        sizes = [(name, size, (path.parent / name).stat().st_size)
                 for shard in header.shards for name, size, _ in shard.files(itemsize)]  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TrainError(
            f"{path}: cannot be read as a header of token files ({error}); prepare the tokens again"
        ) from None
    for name, size, found in sizes:
        if size != found:
            raise TrainError(
                f"{path.parent / name}: must have {size} bytes by its header, has {found}; prepare the tokens again"
            )
    if header.tokens != sum(shard.tokens for shard in header.shards):
        raise TrainError(f"{path}: its shards do not have {header.tokens} tokens together; prepare the tokens again")
    return header


def verify_tokens(path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield each file of a header, and whether its content is what was written: everything is read.

    Raises:
        TrainError: a file is missing, or has another size.
    """
    header = read_header(path)
    for shard in header.shards:
        for name, _, sha256 in shard.files(np.dtype(header.dtype).itemsize):
            yield path.parent / name, file_sha256(path.parent / name) == sha256


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read a mebibyte at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
