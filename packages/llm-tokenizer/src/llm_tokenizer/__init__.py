"""Text to token ids and back.

interface.py      Tokenizer, what every tokenizer offers
byte.py, character.py   the two simplest tokenizers
bpe/              byte-pair encoding: training, splitting, encoding; `fast/` is the same, compiled
decoding.py       ids to bytes and text, also while the ids are being generated
special.py        special tokens, which no ordinary text can produce
chat.py           a conversation as ids, with a mask of what is to be learned
corpus/           files to clean documents, duplicates, texts larger than memory
files/            tokenizer.json, rank files, GPT-2's files, SentencePiece and GGUF
commands/         the command `llm-tokenizer`, and what the commands of all packages share
reference/        the same, naive and short: read this first
spec/             what all of it must be, as data; check your own with `python -m llm_tokenizer.spec my_module`
conformance/      how the specifications of all packages are checked
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
from llm_tokenizer.decoding import IncrementalDecoder
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.files.huggingface_writing import save_tokenizer
from llm_tokenizer.interface import Tokenizer, TokenizerError

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
    "save_tokenizer",
    "summarize",
    "train_bpe",
]
