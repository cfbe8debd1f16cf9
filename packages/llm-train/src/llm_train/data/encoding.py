"""Documents to ids, a part at a time: by the compiled encoder where it is installed and pays, with the same ids."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from numpy.typing import ArrayLike

from llm_tokenizer import ByteTokenizer, CharacterTokenizer, Tokenizer, TokenizerError
from llm_tokenizer.bpe.tokenizer import SplittingTokenizer
from llm_train.data.shards import EncodedPart
from llm_train.data.sources import Document

COMPILED_FROM = 5_000_000
"""Bytes of text from which loading the compiled encoder, about a second, pays."""
TOGETHER = 1 << 20
"""Characters that are encoded together."""


@dataclass(frozen=True)
class Encoder:
    """A way to encode several texts at once, and whether it is the compiled one."""

    encode_batch: Callable[[Sequence[str]], Sequence[ArrayLike]]
    compiled: bool
    by_parts: bool
    """Whether a document may be encoded part by part; if not, the whole of one is in memory."""


def encoder_for(tokenizer: Tokenizer, size: int) -> Encoder:
    """Return the faster encoder for a text of this many bytes; both return the same ids.

    Args:
        tokenizer: any tokenizer.
        size: of all texts together.
    """
    by_parts = isinstance(tokenizer, (SplittingTokenizer, ByteTokenizer, CharacterTokenizer))
    if isinstance(tokenizer, SplittingTokenizer) and size >= COMPILED_FROM and find_spec("numba") is not None:
        from llm_tokenizer.bpe.fast import FastEncoder

        try:
            compiled: Any = FastEncoder(tokenizer)  # type: ignore[arg-type]  # it refuses what it cannot encode
            return Encoder(compiled.encode_batch, True, True)
        except TokenizerError:  # it normalizes, or lacks a byte: only its own encode is right
            pass
    return Encoder(tokenizer.encode_batch, False, by_parts)


def encoded_parts(encoder: Encoder, documents: Iterable[Document]) -> Iterator[EncodedPart]:
    """Yield the ids of documents in order, part by part; about a million characters are in memory."""
    texts, last, held = list[str](), list[bool](), 0

    def flushed() -> Iterator[EncodedPart]:
        for text, ids, ends in zip(texts, encoder.encode_batch(texts), last, strict=True):
            yield EncodedPart(ids, len(text.encode()), ends)

    for text, ends in _parts(encoder, documents):
        texts.append(text)
        last.append(ends)
        held += len(text)
        if held >= TOGETHER:
            yield from flushed()
            texts, last, held = [], [], 0
    yield from flushed()


def _parts(encoder: Encoder, documents: Iterable[Document]) -> Iterator[tuple[str, bool]]:
    """Yield each part with whether it is the last of its document."""
    for document in documents:
        parts = document.parts if encoder.by_parts else iter(["".join(document.parts)])
        before = next(parts, "")
        for part in parts:
            yield before, False
            before = part
        yield before, True
