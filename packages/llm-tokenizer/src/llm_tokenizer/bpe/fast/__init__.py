"""The fast paths, for those who install the extra `fast`: the same ids, several times to many times sooner.

    encoder.py, decoder.py, training.py      what you call: FastEncoder, FastDecoder, train_bpe
    edges.py, capitals.py, letters.py, characters.py, blocks.py     where a piece ends
    writing.py, memory.py, merging.py, long_pieces.py, pairs.py     the ids of a piece
    counting.py, rows.py, heap.py, learning.py                      learning merges
    compiling.py, instructions.py, lowering.py, machine_code.py     Python to machine code, with numba

What is compiled is kept on disk: the first use after an installation takes half a minute, every later one is instant
and does not even import numba.
Nothing else in the package imports numba, and nothing switches to the fast paths by itself.
"""

from importlib.util import find_spec

if find_spec("numba") is None:
    raise ModuleNotFoundError(
        "llm_tokenizer.bpe.fast needs numba, which is not installed; install the package with its extra `fast`, "
        "or use BytePairTokenizer and train_bpe, which give the same",
        name="numba",
    )

from llm_tokenizer.bpe.fast.decoder import FastDecoder
from llm_tokenizer.bpe.fast.encoder import FastEncoder
from llm_tokenizer.bpe.fast.training import train_bpe

__all__ = ["FastDecoder", "FastEncoder", "train_bpe"]
