"""Tokens that datatrove's `DocumentTokenizer` has written, on one machine or on hundreds, read as they are.

00000_tokens.ds          ids, 2 or 4 bytes each, little-endian
00000_tokens.ds.index    8 bytes a document: how many tokens of the file come before its end
00000_tokens.ds.loss     if asked for: a byte for each token, 0 where it is not to be learned

Nothing is copied: an import reads each file once, to hash it and to check that its ids are in the vocabulary, and
writes a header beside them.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_train.data.prepared import HEADER, bytes_of_tokens
from llm_train.data.shards import ENDS, Shard, TokenHeader, file_sha256, joined, write_header
from llm_train.data.tokenizers import separator_of, tokenizer_sha256
from llm_train.interface import TrainError

_TOGETHER = 1 << 20


def import_datatrove(
    folder: str | Path, tokenizer: str | Path | None = None, progress: Callable[[int, int], None] | None = None
) -> TokenHeader:
    """Write the header that makes a folder of datatrove's token files a corpus.

    Args:
        folder: with the .ds files, at any depth; it gets `tokens.json` and the tokenizer's files.
        tokenizer: the tokenizer.json that datatrove was given, or its folder; None: the one in `folder`.
        progress: called as `progress(files, all files)` after each file.

    Raises:
        TrainError: there are no such files, or one is damaged or has ids of another vocabulary; the message names it.
    """
    folder = Path(folder)
    files = sorted(folder.rglob("*.ds"))
    if not files:
        raise TrainError(f"{folder}: must hold files of datatrove's DocumentTokenizer (.ds), has none")
    try:
        made_by = load_tokenizer(folder if tokenizer is None else tokenizer)
    except TokenizerError as error:
        raise TrainError(f"the tokenizer that made the ids must be named (--tokenizer FILE): {error}") from None
    found = []
    for number, path in enumerate(files, start=1):
        found.append(_read(path, folder, made_by))
        if progress:
            progress(number, len(files))
    kinds = {one.dtype for one in found}
    if len(kinds) > 1:
        raise TrainError(f"{folder}: its files have ids of 2 and of 4 bytes; import each kind from a folder of its own")
    if tokenizer is not None:
        save_tokenizer(made_by, folder)
    header = joined(
        (one.shard for one in found), size=sum(one.bytes for one in found), vocab_size=made_by.vocab_size,
        separator=separator_of(made_by) if any(one.separated for one in found) else None,
        tokenizer_sha256=tokenizer_sha256(made_by), dtype=kinds.pop(),
    )  # fmt: skip
    return write_header(folder / HEADER, header)


@dataclass(frozen=True)
class _File:
    shard: Shard
    dtype: np.dtype[Any]
    bytes: int
    separated: bool
    """Whether documents end with the separator."""


def _read(path: Path, folder: Path, tokenizer: Tokenizer) -> _File:
    """Read a file from beginning to end."""
    index = path.with_name(f"{path.name}.index")
    if not index.is_file():
        raise TrainError(f"{path}: has no index beside it ({index.name}); run DocumentTokenizer with save_index=True")
    ends = np.fromfile(index, ENDS)
    size, tokens = path.stat().st_size, int(ends[-1]) if len(ends) else 0
    if size not in (2 * tokens, 4 * tokens) or (np.diff(ends.astype(np.int64), prepend=0) < 0).any():
        raise TrainError(f"{path}: has {size} bytes, but its index says {tokens} tokens of 2 or 4 bytes; copy it again")
    dtype = np.dtype("<u2" if size == 2 * tokens else "<u4")
    ids = np.memmap(path, dtype=dtype, mode="r") if tokens else np.zeros(0, dtype)
    mask = path.with_name(f"{path.name}.loss")
    if mask.is_file() and mask.stat().st_size != tokens:
        raise TrainError(
            f"{mask}: must have a byte for each of {tokens} tokens, has {mask.stat().st_size}; copy it again"
        )
    sha256, text_size = _hashed(path, ids, tokenizer)
    shard = Shard(
        file=path.relative_to(folder).as_posix(), tokens=tokens, documents=len(ends), sha256=sha256,
        ends=index.relative_to(folder).as_posix(), ends_sha256=file_sha256(index),
        mask=mask.relative_to(folder).as_posix() if mask.is_file() else "",
        mask_sha256=file_sha256(mask) if mask.is_file() else "",
    )  # fmt: skip
    full = ends[np.diff(ends, prepend=np.uint64(0)) > 0]
    return _File(shard, dtype, text_size, bool((ids[full - np.uint64(1)] == separator_of(tokenizer)).any()))


def _hashed(path: Path, ids: NDArray[Any], tokenizer: Tokenizer) -> tuple[str, int]:
    """Return the SHA-256 of the ids and the bytes of their text, after checking that all are in the vocabulary."""
    lengths, digest, size = bytes_of_tokens(tokenizer), hashlib.sha256(), 0
    for start in range(0, len(ids), _TOGETHER):
        some = np.asarray(ids[start : start + _TOGETHER])
        if some.max() >= tokenizer.vocab_size:
            raise TrainError(
                f"{path}: has the id {some.max()}, but the tokenizer has {tokenizer.vocab_size} tokens: it is another "
                "one; name the tokenizer.json that datatrove was given"
            )
        digest.update(some.tobytes())
        size += int(lengths[some].sum())
    return digest.hexdigest(), size
