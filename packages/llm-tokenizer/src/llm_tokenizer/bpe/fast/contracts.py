"""The fast paths under the contracts' names: `python -m llm_tokenizer.spec llm_tokenizer.bpe.fast.contracts`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.fast.characters import kinds_of_characters
from llm_tokenizer.bpe.fast.compiling import entry
from llm_tokenizer.bpe.fast.counting import PieceCounter
from llm_tokenizer.bpe.fast.decoder import FastDecoder
from llm_tokenizer.bpe.fast.edges import RULES, WHOLE, piece_end
from llm_tokenizer.bpe.fast.encoder import FastEncoder
from llm_tokenizer.bpe.fast.instructions import Address, address_of, integers_at, padded
from llm_tokenizer.bpe.fast.training import learn_merges
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import utf8

__all__ = ["decode_bpe", "encode_bpe", "split_text", "train_bpe"]


def split_text(text: str, pattern: str) -> list[str]:
    """The pieces of a text.

    Goes on trial as tokenizer.split_text.
    """
    data = utf8(text)
    edges = np.zeros(len(data) + 1, np.int64)
    kinds, rule = kinds_of_characters(), RULES[find_pattern(pattern).name]
    count = write_edges(padded(data), len(data), rule, address_of(kinds), address_of(edges))
    return [data[start:end].decode() for start, end in pairwise(edges[: count + 1].tolist())]


@entry
def write_edges(text: Address, end: int, rule: int, kinds: Address, edges: Address) -> int:
    """Write where each piece ends behind the first entry of `edges`; gives how many pieces there are."""
    written = integers_at(edges, end + 1)
    place = count = 0
    while place < end:
        place = piece_end(text, place, end, kinds, rule)
        count += 1
        written[count] = place
    return count


def train_bpe(pieces: Sequence[str], vocab_size: int) -> list[Pair]:
    """The merges for these pieces.

    Goes on trial as tokenizer.train_bpe.
    """
    if vocab_size < 256:
        raise TokenizerError(f"vocab_size: must be at least 256, was {vocab_size}")
    counter = PieceCounter("gpt2")
    for piece in pieces:
        counter.add_bytes(utf8(piece), WHOLE)
    return learn_merges(counter, vocab_size - 256)


def encode_bpe(pieces: Sequence[str], merges: Sequence[Pair]) -> list[int]:
    """The ids of these pieces, each once by merging and once from memory.

    Goes on trial as tokenizer.encode_bpe.
    """
    encoder = FastEncoder(BytePairTokenizer(merges))
    merged, remembered = ([encoder.encode_bytes(utf8(piece), WHOLE) for piece in pieces] for _ in range(2))
    for piece, first, second in zip(pieces, merged, remembered, strict=True):
        assert np.array_equal(first, second), f"{piece!r} came out of memory otherwise than it went in"
    return [id for ids in merged for id in ids.tolist()]


def decode_bpe(ids: Sequence[int], merges: Sequence[Pair]) -> bytes:
    """The bytes of the ids.

    Goes on trial as tokenizer.decode_bpe.
    """
    return FastDecoder(BytePairTokenizer(merges)).decode_bytes(ids)
