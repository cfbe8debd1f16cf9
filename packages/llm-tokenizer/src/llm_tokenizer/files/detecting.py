"""Loading a tokenizer from any format, which is detected from the content."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from llm_tokenizer.files import gpt2
from llm_tokenizer.files.fields import REMEDY, FieldError, naming, refusal
from llm_tokenizer.files.gguf_metadata import MAGIC
from llm_tokenizer.files.gguf_reading import load_gguf
from llm_tokenizer.files.huggingface_comparing import agrees
from llm_tokenizer.files.huggingface_reading import LoadedTokenizer, load_hugging_face
from llm_tokenizer.files.huggingface_writing import FILE
from llm_tokenizer.files.sentencepiece import FILE as MODEL_FILE
from llm_tokenizer.files.sentencepiece import load_sentencepiece
from llm_tokenizer.files.tiktoken import load_tiktoken
from llm_tokenizer.interface import TokenizerError

_IN_A_FOLDER = (FILE, MODEL_FILE, *(pair[0] for pair in gpt2.NAMES), "*.tiktoken", "*.gguf")
_RANK = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?(\n|$)")
_FIRST_PIECE = re.compile(rb"\x0a.{1,10}\x0a", re.DOTALL)  # a message, its length, and in it a text


def load_tokenizer(path: str | Path) -> LoadedTokenizer:
    """Read a tokenizer, whichever format it is in, and the ids that its folder says begin and end a text.

    A folder may hold `tokenizer.json`, `tokenizer.model`, GPT-2's two files (`encoder.json` and `vocab.bpe`, or
    `vocab.json` and `merges.txt`), a rank file (`*.tiktoken`) or a GGUF file; they are looked for in this order.
    Where `tokenizer.json` says something that is not read, a `tokenizer.model` beside it is, if the two agree.

    Raises:
        TokenizerError: The file is missing, damaged, or says something that our tokenizers do not do; the message
            names the file, the field and what to do.
    """
    path = Path(path)
    if not path.is_dir():
        return _load_file(path)
    file = _find(path)
    try:
        return _load_file(file)
    except TokenizerError:
        if file.name == FILE and (path / MODEL_FILE).is_file():
            with suppress(TokenizerError):
                if agrees(file, beside := _load_file(path / MODEL_FILE)):
                    return beside
        raise


def _load_file(file: Path) -> LoadedTokenizer:
    with naming(file), file.open("rb") as opened:
        start = opened.read(256)
    if start.startswith(MAGIC):
        return load_gguf(file)
    if file.name in {name for pair in gpt2.NAMES for name in pair}:
        return gpt2.load_gpt2(file.parent)
    if start.lstrip()[:1] in (b"{", b"["):
        return load_hugging_face(file)
    if _RANK.match(start):
        return load_tiktoken(file)
    if _FIRST_PIECE.match(start):
        return load_sentencepiece(file)
    with naming(file):
        if not start:
            raise FieldError(f"is empty, and must be a vocabulary file in a known format; {REMEDY}")
        raise refusal("the first bytes", "those of a vocabulary file in a known format", start[:20])


def _find(folder: Path) -> Path:
    for name in _IN_A_FOLDER:
        found = sorted(folder.glob(name))
        if len(found) > 1:
            raise TokenizerError(f"{folder}: holds {len(found)} files {name}; name the one to read")
        if found:
            return found[0]
    run = folder / "model"  # where llm-train keeps what it made
    remedy = f"name {run}" if (run / FILE).is_file() else "name a folder that holds one"
    raise TokenizerError(f"{folder / FILE}: there is no such file, nor {', '.join(_IN_A_FOLDER[1:])}; {remedy}")
