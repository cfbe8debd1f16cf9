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

Names are imported when they are first used, so that a command is ready for Ctrl-C at once.
"""

from typing import TYPE_CHECKING

from llm_tokenizer.commands.deferred_imports import deferred_imports

if TYPE_CHECKING:
    from llm_tokenizer.bpe.pretrained import PretrainedTokenizer as PretrainedTokenizer
    from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer as SentencePieceTokenizer
    from llm_tokenizer.bpe.tokenizer import BytePairTokenizer as BytePairTokenizer
    from llm_tokenizer.bpe.training import EarlyStop as EarlyStop
    from llm_tokenizer.bpe.training import train_bpe as train_bpe
    from llm_tokenizer.byte import ByteTokenizer as ByteTokenizer
    from llm_tokenizer.character import CharacterTokenizer as CharacterTokenizer
    from llm_tokenizer.chat import ChatML as ChatML
    from llm_tokenizer.chat import EncodedChat as EncodedChat
    from llm_tokenizer.chat import Message as Message
    from llm_tokenizer.corpus.cleaning import normalize_text as normalize_text
    from llm_tokenizer.corpus.conversations import read_conversations as read_conversations
    from llm_tokenizer.corpus.duplicates import find_duplicates as find_duplicates
    from llm_tokenizer.corpus.encode_stream import encode_file as encode_file
    from llm_tokenizer.corpus.encode_stream import encode_iterable as encode_iterable
    from llm_tokenizer.corpus.summary import summarize as summarize
    from llm_tokenizer.corpus.text import read_documents as read_documents
    from llm_tokenizer.corpus.text import read_parts as read_parts
    from llm_tokenizer.corpus.text import read_text as read_text
    from llm_tokenizer.decoding import IncrementalDecoder as IncrementalDecoder
    from llm_tokenizer.files.detecting import load_tokenizer as load_tokenizer
    from llm_tokenizer.files.huggingface_writing import save_tokenizer as save_tokenizer
    from llm_tokenizer.interface import Tokenizer as Tokenizer
    from llm_tokenizer.interface import TokenizerError as TokenizerError

__getattr__, __all__ = deferred_imports(__name__, __file__)
