"""The fast paths, for those who install the extra `fast`: the same ids, 2 to 14 times faster.

    encoder.py, decoder.py, training.py               what you call: FastEncoder, FastDecoder, train_bpe
    edges.py, words.py, characters.py, blocks.py      where a pre-token ends
    writing.py, id_cache.py, merging.py, pairs.py     the ids of a pre-token
    counting.py, token_sequence.py, learning.py       learning merges
    compiling.py, instructions.py, hashing.py         numba, memory and hash tables

What is compiled is kept in numba's cache: the first use after an installation takes seconds, every later one does not.
Nothing else in the package imports numba, and nothing switches to the fast paths by itself.
"""

from llm_tokenizer.bpe.fast.decoder import FastDecoder
from llm_tokenizer.bpe.fast.encoder import FastEncoder
from llm_tokenizer.bpe.fast.training import train_bpe

__all__ = ["FastDecoder", "FastEncoder", "train_bpe"]
