"""The whole of byte-pair encoding, short, slow and plain: read this first.

Nothing here is quick. Every merge counts all pairs anew, every piece is looked through for every merge. That makes it
easy to check by eye, and it is the witness that the quick code next door is held to.
"""

from llm_tokenizer.reference.alphabet import byte_to_unicode
from llm_tokenizer.reference.byte_pair import decode_bpe, encode_bpe, train_bpe
from llm_tokenizer.reference.cutting import split_text

__all__ = ["byte_to_unicode", "decode_bpe", "encode_bpe", "split_text", "train_bpe"]
