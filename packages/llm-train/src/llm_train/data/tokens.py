"""Token files: ids as raw little-endian integers, read through a memory map, with a small JSON header file.

    train.bin    0a00 1c05 …            2 bytes an id (4 when the vocabulary has more than 65,536)
    train.json   {"dtype": "<u2", "tokens": 1709510, "bytes": 4650816, "tokenizer_sha256": …}

A memory map takes no memory of its own, whatever the size: the system keeps the pages that batches use while there is
room for them. A file from before is read once when it is opened, to compare its hash.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.files.writing import atomic_write, write_json
from llm_train.interface import TrainError

FORMAT = "llm-train tokens 1"


@dataclass(frozen=True, kw_only=True)
class TokenHeader:
    """What is known about the ids."""

    format: str
    dtype: str
    tokens: int
    bytes: int
    vocab_size: int
    tokenizer_sha256: str
    sha256: str


@dataclass(frozen=True)
class TokenFile:
    """The ids of a text, and their header."""

    ids: NDArray[np.unsignedinteger]
    header: TokenHeader

    def __len__(self) -> int:
        return self.header.tokens


def write_tokens(
    path: Path,
    documents: Iterable[list[int]],
    *,
    separator: int,
    text_bytes: int,
    vocab_size: int,
    tokenizer_sha256: str,
) -> TokenFile:
    """Write the ids of all documents to `path` (.bin), with `separator` before, between and after, and their header.

    The header is written last, so a token file with a header is whole.
    """
    dtype = np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")
    digest, count = hashlib.sha256(), 0
    with atomic_write(path) as file:
        for ids in chain([[]], documents):  # before the first text there is a separator too
            content = np.asarray([*ids, separator], dtype=dtype).tobytes()
            file.write(content)
            digest.update(content)
            count += len(ids) + 1
    header = TokenHeader(
        format=FORMAT, dtype=dtype.str, tokens=count, bytes=text_bytes, vocab_size=vocab_size,
        tokenizer_sha256=tokenizer_sha256, sha256=digest.hexdigest(),
    )  # fmt: skip
    write_json(path.with_suffix(".json"), asdict(header))
    return TokenFile(np.memmap(path, dtype=dtype, mode="r"), header)


def open_tokens(path: Path, *, tokenizer_sha256: str) -> TokenFile:
    """Map a token file into memory, after checking that it is whole and was made by this tokenizer.

    Raises:
        TrainError: a file is missing or damaged, or another tokenizer made the ids: they would be another text.
    """
    try:
        header = TokenHeader(**json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
        ids = np.memmap(path, dtype=header.dtype, mode="r")
    except (OSError, ValueError, TypeError) as error:
        raise TrainError(
            f"{path}: cannot be read as tokens ({error}); delete it and run the same command again"
        ) from None
    if header.format != FORMAT or len(ids) != header.tokens or hashlib.sha256(ids.data).hexdigest() != header.sha256:
        raise TrainError(f"{path}: does not match its header; delete both and run the same command again")
    if header.tokenizer_sha256 != tokenizer_sha256:
        raise TrainError(f"{path}: was made by another tokenizer; delete it and run the same command again")
    return TokenFile(ids, header)
