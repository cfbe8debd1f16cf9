"""Text to token ids and back.

interface.py   Tokenizer, what every tokenizer offers
byte.py, character.py          the two simplest tokenizers
bpe.py, merging.py             BytePairTokenizer, and how merges are applied
counting.py, training.py       train_bpe: count the pieces, learn the merges
patterns.py    where text is cut before anything is merged
special.py     special tokens, which no ordinary text can produce
streaming.py   text while it is being generated
stream_encoding.py, safe_parts.py, boundaries.py   ids of a text larger than memory
text.py, reading/, cleaning.py   from files to clean documents, one at a time
duplicates.py, minhash.py, summary.py   what stands in a corpus twice, and what it holds
published.py, sentencepiece_bpe.py   the tokenizers of published models
chat.py, conversations.py      a conversation to ids, with a mask of what is to be learned
files/         tokenizer.json, rank files, GPT-2's files, SentencePiece and GGUF
show.py        tokens in colour
reference/     the same, naive and short: read this first
spec/          what all of it must be, as data; try your own with `python -m llm_tokenizer.spec my_module`
"""

from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.bpe.training import EarlyStop, train_bpe
from llm_tokenizer.byte import ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.chat import ChatML, EncodedChat, Message
from llm_tokenizer.corpus.conversations import read_conversations
from llm_tokenizer.corpus.duplicates import find_duplicates
from llm_tokenizer.corpus.encode_stream import encode_file, encode_iterable
from llm_tokenizer.corpus.summary import summarize
from llm_tokenizer.corpus.text import normalize_text, read_documents, read_parts, read_text
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.files.huggingface import save_tokenizer
from llm_tokenizer.interface import Tokenizer, TokenizerError
from llm_tokenizer.special import refuse_special
from llm_tokenizer.streaming import IncrementalDecoder

__all__ = [
    "BytePairTokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "ChatML",
    "EarlyStop",
    "EncodedChat",
    "IncrementalDecoder",
    "Message",
    "PretrainedTokenizer",
    "SentencePieceTokenizer",
    "Tokenizer",
    "TokenizerError",
    "encode_file",
    "encode_iterable",
    "find_duplicates",
    "load_tokenizer",
    "normalize_text",
    "read_conversations",
    "read_documents",
    "read_parts",
    "read_text",
    "refuse_special",
    "save_tokenizer",
    "summarize",
    "train_bpe",
]
