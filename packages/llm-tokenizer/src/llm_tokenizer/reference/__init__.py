"""The whole of byte-pair encoding, short, slow and plain: read this first.

Nothing here is fast. Every merge counts all pairs anew, every piece is searched again after every merge. That
makes it easy to check by eye, and it is what the fast code is checked against.
"""

from llm_tokenizer.reference.alphabet import byte_to_unicode
from llm_tokenizer.reference.byte_pair import count_pairs, decode_bpe, encode_bpe, merge_pair, train_bpe
from llm_tokenizer.reference.chat import encode_chat
from llm_tokenizer.reference.cutting import split_text
from llm_tokenizer.reference.round_trip import round_trip
from llm_tokenizer.reference.special import split_special
from llm_tokenizer.reference.streaming import stream_decode

__all__ = [
    "byte_to_unicode",
    "count_pairs",
    "decode_bpe",
    "encode_bpe",
    "encode_chat",
    "merge_pair",
    "round_trip",
    "split_special",
    "split_text",
    "stream_decode",
    "train_bpe",
]
