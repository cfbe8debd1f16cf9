"""The libraries that the vocabularies come with, each made to read the same files as we do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tiktoken
import tokenizers

from llm_tokenizer.files.gguf_metadata import read_metadata

Encode = Callable[[str], list[int]]
OPENAI = "https://openaipublic.blob.core.windows.net/"
URLS = {
    "gpt2/encoder.json": OPENAI + "gpt-2/encodings/main/encoder.json",
    "gpt2/vocab.bpe": OPENAI + "gpt-2/encodings/main/vocab.bpe",
    "cl100k_base.tiktoken": OPENAI + "encodings/cl100k_base.tiktoken",
    "o200k_base.tiktoken": OPENAI + "encodings/o200k_base.tiktoken",
}


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """One library with one vocabulary. `ours` is the file or folder that we load for it."""

    name: str
    library: str
    ours: Path
    plain: Encode
    special: Encode | None
    decode: Callable[[list[int]], str]


# Those whose ids of the torture texts are recorded, and two more of Qwen 2, which would be the same as Qwen 3's.
RECORDED = ("gpt2", "cl100k_base", "o200k_base", "llama3", "qwen3", "smollm2", "mistral")
ALL = (*RECORDED, "qwen2", "qwen")
# As in Qwen's own program, tokenization_qwen.py, which normalizes a text by Python's `unicodedata` first.
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def oracles(vocabularies: Path) -> Iterator[Oracle]:
    """All whose ids are recorded."""
    for name in RECORDED:
        yield oracle(name, vocabularies)


def oracle(name: str, vocabularies: Path) -> Oracle:
    """One of them, which takes a second or two to make."""
    if name in ("llama3", "qwen2", "qwen3"):
        path = vocabularies / name / "tokenizer.json"
        return _hugging_face(name, path, json.loads(path.read_text(encoding="utf-8")))
    if name == "smollm2":
        return _hugging_face(name, vocabularies / "smollm2" / "model.gguf", smollm2(vocabularies))
    if name == "mistral":
        return _sentencepiece(vocabularies / "mistral" / "tokenizer.model")
    if name == "qwen":
        return _qwen(vocabularies / "qwen.tiktoken")
    return _openai(name, vocabularies)


def _openai(name: str, vocabularies: Path) -> Oracle:
    """tiktoken loads from a cache, in which a file is called by the hash of its address."""
    if "TIKTOKEN_CACHE_DIR" not in os.environ:
        cache = os.environ["TIKTOKEN_CACHE_DIR"] = tempfile.mkdtemp()
        for file, url in URLS.items():
            shutil.copy(vocabularies / file, Path(cache) / hashlib.sha1(url.encode()).hexdigest())
    encoding = tiktoken.get_encoding(name)
    return Oracle(
        name=name,
        library=f"tiktoken {version('tiktoken')}",
        ours=vocabularies / ("gpt2" if name == "gpt2" else f"{name}.tiktoken"),
        plain=encoding.encode_ordinary,
        special=lambda text: encoding.encode(text, allowed_special="all"),
        decode=encoding.decode,
    )


def _qwen(path: Path) -> Oracle:
    """Qwen 1 to 2.5 by the ranks that Qwen gives out, in the library that Qwen's program uses."""
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, path.read_bytes().splitlines())}
    encoding = tiktoken.Encoding("qwen", pat_str=QWEN, mergeable_ranks=ranks, special_tokens={})
    return Oracle(
        name="qwen",
        library=f"tiktoken {version('tiktoken')}",
        ours=path,
        plain=lambda text: encoding.encode_ordinary(unicodedata.normalize("NFC", text)),
        special=None,
        decode=encoding.decode,
    )


def _hugging_face(name: str, ours: Path, document: dict) -> Oracle:
    """The library finds special tokens in any text, so a copy without them says what the plain ids are."""
    special = tokenizers.Tokenizer.from_str(json.dumps(document))
    plain = tokenizers.Tokenizer.from_str(json.dumps({**document, "added_tokens": []}))
    return Oracle(
        name=name,
        library=f"tokenizers {version('tokenizers')}",
        ours=ours,
        plain=lambda text: plain.encode_batch_fast([text], add_special_tokens=False)[0].ids,
        special=lambda text: special.encode(text, add_special_tokens=False).ids,
        decode=lambda ids: special.decode(ids, skip_special_tokens=False),
    )


def smollm2(vocabularies: Path) -> dict:
    """SmolLM2's `tokenizer.json`, put together from what its GGUF file says."""
    keys = [f"tokenizer.ggml.{key}" for key in ("tokens", "token_type", "merges")]
    values = read_metadata(vocabularies / "smollm2" / "model.gguf", keys)
    names, kinds, merges = (values[key] for key in keys)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": id, "content": name, **flags}
            for id, (name, kind) in enumerate(zip(names, kinds, strict=True))
            if kind != 1
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {name: id for id, name in enumerate(names)},
            "merges": [merge.split(" ") for merge in merges],
        },
    }


def _sentencepiece(path: Path) -> Oracle:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(str(path))
    return Oracle(
        name="mistral",
        library=f"sentencepiece {version('sentencepiece')}",
        ours=path,
        plain=processor.encode,
        special=None,  # this library never looks for control tokens in a text
        decode=processor.decode,
    )
