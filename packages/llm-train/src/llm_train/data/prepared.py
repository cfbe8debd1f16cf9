"""Tokens that were prepared beforehand, in a folder of their own: by `write_prepared`, by an import, by many machines.

my-tokens/
tokens.json           the header of the shards: with it, the folder can be named as a corpus
tokenizer.json        what made the ids
tokens-00000.bin …    the shards, or whatever files the header names
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm_tokenizer import Tokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_train.data.corpus import Part
from llm_train.data.encoding import COMPILED_FROM, encoded_parts, encoder_for
from llm_train.data.holding_out import PART
from llm_train.data.shards import SHARD_TOKENS, TokenHeader
from llm_train.data.sources import Document
from llm_train.data.tokenizers import separator_of, tokenizer_sha256
from llm_train.data.tokens import TokenFile, open_tokens, write_tokens
from llm_train.interface import TrainError
from llm_train.recipes.settings import DataSettings, TokenizerSettings

HEADER = "tokens.json"
MOST_HELD_OUT = 5_000_000
"""The most tokens that are held out."""


def is_prepared(corpus: str | tuple[str, ...]) -> bool:
    """Return whether a recipe's corpus is a folder with prepared tokens."""
    return isinstance(corpus, str) and bool(corpus) and (Path(corpus).expanduser() / HEADER).is_file()


def write_prepared(
    folder: str | Path, documents: Iterable[str], tokenizer: Tokenizer, *, shard_tokens: int = SHARD_TOKENS
) -> TokenHeader:
    """Write documents from anywhere as a folder of tokens: a streamed data set, a database, a generator.

        rows = datasets.load_dataset("…", split="train", streaming=True)
        write_prepared("my-tokens", texts_of(rows, "text"), load_tokenizer("my-tokenizer"))

    Blank documents are left out. One is in memory at a time, with a million characters of the next.

    Args:
        folder: where to; made if need be.
        documents: their texts.
        tokenizer: what makes the ids.
        shard_tokens: the size of a shard; its last document may reach beyond it.

    Raises:
        TrainError: a document is no text.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder)
    return write_tokens(
        folder / HEADER, encoded_parts(encoder_for(tokenizer, COMPILED_FROM), _documents(documents)),
        separator=separator_of(tokenizer), vocab_size=tokenizer.vocab_size,
        tokenizer_sha256=tokenizer_sha256(tokenizer), shard_tokens=shard_tokens,
    ).header  # fmt: skip


def texts_of(rows: Iterable[Mapping[str, Any]], field: str = "text") -> Iterator[str]:
    """Yield one field of each row, such as those of a data set of Hugging Face's library, streamed or not.

    Raises:
        TrainError: a row has no text in that field; the message says which row and what it has.
    """
    for number, row in enumerate(rows):
        value = row.get(field)
        if not isinstance(value, str):
            there = ", ".join(map(repr, list(row)[:8]))
            raise TrainError(f"row {number}: the field {field!r} must be text, is {value!r:.40}; it has {there}")
        yield value


@dataclass(frozen=True)
class PreparedFolder:
    """A folder of tokens, opened."""

    folder: Path
    header: TokenHeader
    tokenizer: Tokenizer
    parts: tuple[TokenFile, TokenFile]
    """For training, and held out."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the header, which has the hashes of all files."""
        return hashlib.sha256(json.dumps(asdict(self.header), sort_keys=True).encode()).hexdigest()

    @property
    def training(self) -> tuple[Part, ...]:
        """As of a corpus of files."""
        return (Part(f"{self.folder.name} (training)", self.parts[0].bytes),)

    @property
    def held_out(self) -> tuple[Part, ...]:
        """As of a corpus of files."""
        return (Part(f"{self.folder.name} (end)", self.parts[1].bytes),)


def open_prepared(data: DataSettings, wanted: TokenizerSettings) -> PreparedFolder:
    """Open a folder of tokens; about the last tenth is held out, from the end of a document on.

    Raises:
        TrainError: a file is missing or cut, or a setting says something else than the folder.
    """
    assert isinstance(data.corpus, str), "asked only of one folder"
    folder = Path(data.corpus).expanduser()
    plain = DataSettings(corpus=data.corpus, windows=data.windows, mask_documents=data.mask_documents)
    for name, value in asdict(data).items():
        if value != getattr(plain, name):
            raise TrainError(f"data.{name} is {value!r}, but {folder} holds tokens that are prepared: leave it out")
    try:
        tokenizer = load_tokenizer(folder)
    except TokenizerError as error:
        raise TrainError(f"{folder}: has no tokenizer beside its tokens ({error})") from None
    if wanted != TokenizerSettings(vocab_size=wanted.vocab_size) or wanted.vocab_size not in (
        None,
        tokenizer.vocab_size,
    ):
        raise TrainError(
            f"{folder} holds tokens of a tokenizer of {tokenizer.vocab_size}, which is used: in the section tokenizer "
            f"only vocab_size can be given, and must be that (--set tokenizer.vocab_size={tokenizer.vocab_size})"
        )
    tokens = open_tokens(folder / HEADER, tokenizer_sha256=tokenizer_sha256(tokenizer))
    return PreparedFolder(folder, tokens.header, tokenizer, _divided(tokens, tokenizer))


def _divided(tokens: TokenFile, tokenizer: Tokenizer) -> tuple[TokenFile, TokenFile]:
    """Divide at the end of a document near the last tenth, else exactly there."""
    wanted = min(len(tokens) // PART, MOST_HELD_OUT)
    if wanted < 2:
        raise TrainError(f"{tokens.path}: has {len(tokens)} tokens, too few to hold out a tenth of them; use more text")
    start = len(tokens) - 2 * wanted
    ends = tokens.ends(start, 2 * wanted - 2)
    cut = start + (int(ends[np.abs(ends - wanted).argmin()]) if len(ends) else wanted)
    begins = cut - 1 if tokens.header.separator is not None else cut  # the separator begins the next one, too
    size = text_bytes(tokens.part(begins, len(tokens), 0), tokenizer)
    return tokens.part(0, cut, max(tokens.header.bytes - size, 1)), tokens.part(begins, len(tokens), size)


def text_bytes(tokens: TokenFile, tokenizer: Tokenizer) -> int:
    """Return how many bytes of text some tokens stand for; special ones for none."""
    return int(bytes_of_tokens(tokenizer)[tokens.read(0, len(tokens))].sum())


def bytes_of_tokens(tokenizer: Tokenizer) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return how many bytes each id stands for: 0 for special tokens and ids without one."""
    special = set(tokenizer.special_tokens.values())
    return np.array([0 if id in special else _length(tokenizer, id) for id in range(tokenizer.vocab_size)], np.int64)


def _length(tokenizer: Tokenizer, id: int) -> int:
    try:
        return len(tokenizer.token_bytes(id))
    except TokenizerError:  # a published vocabulary may leave out some ids
        return 0


def _documents(texts: Iterable[str]) -> Iterator[Document]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TrainError(f"documents[{number}] must be text, was {text!r:.40}")
        if text.strip():
            yield Document(f"documents[{number}]", iter([text]))
