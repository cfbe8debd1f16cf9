"""Our implementation under the contracts' names."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from llm_tokenizer.bpe import byte_unicode as alphabet
from llm_tokenizer.bpe import training
from llm_tokenizer.bpe.encoding import Pair, encode_pre_token, replace_pair
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.byte import ByteTokenizer
from llm_tokenizer.chat import END, START, ChatML, Message
from llm_tokenizer.corpus.encode_stream import encode_iterable
from llm_tokenizer.decoding import IncrementalDecoder
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens


def byte_to_unicode() -> tuple[str, ...]:
    """Return the table."""
    return alphabet.byte_to_unicode()


def split_text(text: str, pattern: str) -> list[str]:
    """By way of chunks, as the tokenizer does it, so that they are checked too."""
    rule = find_pattern(pattern)
    return [piece for chunk in rule.chunks(text) for piece in rule.pre_tokens(chunk)]


def train_bpe(pieces: list[str], vocab_size: int) -> list[Pair]:
    """The learning itself; `llm_tokenizer.train_bpe` splits the texts first."""
    if vocab_size < 256:
        raise TokenizerError(f"vocab_size: must be at least 256, was {vocab_size}")
    return training.learn_merges(Counter(pieces), vocab_size - 256)


def encode_bpe(pieces: list[str], merges: list[Pair]) -> list[int]:
    """Piece by piece, short ones by the plain loop and long ones by the heap."""
    rank_of = {(left, right): 256 + k for k, (left, right) in enumerate(merges)}
    return [id for piece in pieces for id in encode_pre_token(piece.encode(), rank_of)]


def decode_bpe(ids: list[int], merges: list[Pair]) -> bytes:
    """Through the tokenizer itself."""
    return BytePairTokenizer(merges).decode_bytes(ids)


def count_pairs(words: list[list[int]]) -> list[list[int]]:
    """The counting with which training begins; every second of equal words as a weight."""
    weights = Counter(map(tuple, words))
    counts = training.count_pairs(list(weights), weights.values())
    return [[left, right, count] for (left, right), count in sorted(counts.items())]


def merge_pair(word: list[int], pair: list[int], new: int) -> list[int]:
    """The replacing of encoding; the rank of a pair is the id that it makes."""
    return replace_pair(word, [new if list(neighbors) == pair else -1 for neighbors in pairwise(word)], new)


def split_special(text: str, special_tokens: list[str]) -> list[tuple[str, bool]]:
    """What the tokenizers ask to be encoded, and what they do not."""
    return list(SpecialTokens(special_tokens).split(text, special_tokens))


def stream_decode(ids: list[int], merges: list[Pair]) -> list[str]:
    """As a server does it while a model writes."""
    decoder = IncrementalDecoder(BytePairTokenizer(merges))
    return [*map(decoder.feed, ids), decoder.finish()]


def encode_chat(messages: list[list[str]]) -> tuple[list[int], list[int]]:
    """With the tokenizer of bytes, whose two special tokens are 256 and 257."""
    chat = ChatML(ByteTokenizer([START, END]))
    encoded = chat.encode(Message(role=role, content=content) for role, content in messages)  # type: ignore[arg-type]
    return encoded.ids, encoded.mask


def round_trip(text: str, pattern: str, merges: list[Pair], special_tokens: list[str]) -> tuple[list[int], str]:
    """Character by character through the stream, which must give the ids of the whole."""
    tokenizer = BytePairTokenizer(merges, pattern=pattern, special_tokens=special_tokens)
    ids = tokenizer.encode(text, allowed_special=special_tokens)
    if list(encode_iterable(tokenizer, list(text), allowed_special=special_tokens)) != ids:
        raise TokenizerError("text: comes out otherwise in parts than as a whole")
    return ids, tokenizer.decode(ids)
