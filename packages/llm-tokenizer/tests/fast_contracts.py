"""The fast paths under the contracts' names, for `python -m llm_tokenizer.spec`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.fast.characters import kinds_of_characters
from llm_tokenizer.bpe.fast.compiling import entry
from llm_tokenizer.bpe.fast.counting import PreTokenCounter
from llm_tokenizer.bpe.fast.decoder import FastDecoder
from llm_tokenizer.bpe.fast.edges import RULES, WHOLE, pre_token_end
from llm_tokenizer.bpe.fast.encoder import FastEncoder
from llm_tokenizer.bpe.fast.instructions import Bytes, Integers, address_of, padded
from llm_tokenizer.bpe.fast.training import learn_from_counts
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import utf8

__all__ = ["decode_bpe", "encode_bpe", "split_text", "train_bpe"]


def split_text(text: str, pattern: str) -> list[str]:
    """Return the pre-tokens of a text. Contract: tokenizer.split_text."""
    data = text.encode("utf-8", "surrogatepass")  # the contract takes halves of pairs too; only `encode` refuses them
    edges = find_edges(padded(data), len(data), RULES[find_pattern(pattern).name], kinds_of_characters()).tolist()
    return [data[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise([0, *edges])]


@entry
def find_edges(text: Bytes, end: int, rule: int, kinds: Bytes) -> Integers:
    """Return where each pre-token ends."""
    edges = np.empty(end, np.int64)
    start = count = 0
    while start < end:
        start = pre_token_end(address_of(text), start, end, address_of(kinds), rule)
        edges[count] = start
        count += 1
    return edges[:count]


def train_bpe(pieces: Sequence[str], vocab_size: int) -> list[Pair]:
    """Return the merges for these pre-tokens. Contract: tokenizer.train_bpe."""
    if vocab_size < 256:
        raise TokenizerError(f"vocab_size: must be at least 256, was {vocab_size}")
    counter = PreTokenCounter("gpt2")
    for piece in pieces:
        counter.add_bytes(utf8(piece), WHOLE)
    return learn_from_counts(counter, vocab_size - 256)


def encode_bpe(pieces: Sequence[str], merges: Sequence[Pair]) -> list[int]:
    """Return the ids of these pre-tokens, each found by merging and by its cache. Contract: tokenizer.encode_bpe."""
    encoder = FastEncoder(BytePairTokenizer(merges))
    merged, remembered = ([encoder.encode_bytes(utf8(piece), WHOLE) for piece in pieces] for _ in range(2))
    for piece, first, second in zip(pieces, merged, remembered, strict=True):
        assert np.array_equal(first, second), f"{piece!r} came out of the cache otherwise than it went in"
    return [id for ids in merged for id in ids.tolist()]


def decode_bpe(ids: Sequence[int], merges: Sequence[Pair]) -> bytes:
    """Return the bytes of the ids. Contract: tokenizer.decode_bpe."""
    return FastDecoder(BytePairTokenizer(merges)).decode_bytes(ids)
