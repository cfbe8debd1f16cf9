"""Text to token ids and back.

interface.py   Tokenizer, what every tokenizer offers
byte.py, character.py          the two simplest tokenizers
bpe.py, merging.py             BytePairTokenizer, and how merges are applied
training.py    train_bpe
patterns.py    where text is cut before anything is merged
special.py     special tokens, which no ordinary text can produce
streaming.py   text while it is being generated
text.py        from files to documents
published.py, sentencepiece_bpe.py   the tokenizers of published models
chat.py        a conversation to ids, with a mask of what is to be learned
files/         tokenizer.json, rank files, GPT-2's files, SentencePiece and GGUF
show.py        tokens in colour
reference/     the same, naive and short: read this first
spec/          what all of it must be, as data; try your own with `python -m llm_tokenizer.spec my_module`
"""

from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.byte import ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.chat import ChatML, EncodedChat, Message
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.files.detecting import load_tokenizer
from llm_tokenizer.files.huggingface import save_tokenizer
from llm_tokenizer.interface import Tokenizer
from llm_tokenizer.published import PublishedTokenizer
from llm_tokenizer.sentencepiece_bpe import SentencePieceTokenizer
from llm_tokenizer.special import refuse_special
from llm_tokenizer.streaming import IncrementalDecoder
from llm_tokenizer.text import normalize_text, read_documents, read_text
from llm_tokenizer.training import train_bpe

__all__ = [
    "BytePairTokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "ChatML",
    "EncodedChat",
    "IncrementalDecoder",
    "Message",
    "PublishedTokenizer",
    "SentencePieceTokenizer",
    "Tokenizer",
    "TokenizerError",
    "load_tokenizer",
    "normalize_text",
    "read_documents",
    "read_text",
    "refuse_special",
    "save_tokenizer",
    "train_bpe",
]
