"""Our implementation under the contracts' names."""

from __future__ import annotations

from collections import Counter

from llm_tokenizer import alphabet
from llm_tokenizer.bpe import BytePairTokenizer, encode_piece
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.merging import Pair
from llm_tokenizer.patterns import find_pattern
from llm_tokenizer.training import learn_merges


def byte_to_unicode() -> tuple[str, ...]:
    """See the contract."""
    return alphabet.byte_to_unicode()


def split_text(text: str, pattern: str) -> list[str]:
    """By way of stretches, as the tokenizer does it, so that they are on trial too."""
    rule = find_pattern(pattern)
    return [piece for stretch in rule.stretches(text) for piece in rule.pieces(stretch)]


def train_bpe(pieces: list[str], vocab_size: int) -> list[Pair]:
    """The learning itself; `llm_tokenizer.train_bpe` adds the cutting of texts."""
    if vocab_size < 256:
        raise TokenizerError(f"vocab_size: must be at least 256, was {vocab_size}")
    return learn_merges(Counter(pieces), vocab_size - 256)


def encode_bpe(pieces: list[str], merges: list[Pair]) -> list[int]:
    """Piece by piece, short ones by the plain loop and long ones by the heap."""
    rank_of = {(left, right): 256 + k for k, (left, right) in enumerate(merges)}
    return [id for piece in pieces for id in encode_piece(piece.encode(), rank_of)]


def decode_bpe(ids: list[int], merges: list[Pair]) -> bytes:
    """Through the tokenizer itself."""
    return BytePairTokenizer(merges).decode_bytes(ids)
