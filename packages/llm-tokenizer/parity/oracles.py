"""The libraries that the vocabularies come with, each made to read the same files as we do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tiktoken
import tokenizers

from llm_tokenizer.files.metadata import read_metadata

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


def oracles(vocabularies: Path) -> Iterator[Oracle]:
    """All of them; each takes a second or two to make."""
    yield from _openai(vocabularies)
    for name in ("llama3", "qwen3"):
        path = vocabularies / name / "tokenizer.json"
        yield _hugging_face(name, path, json.loads(path.read_text(encoding="utf-8")))
    yield _hugging_face("smollm2", vocabularies / "smollm2" / "model.gguf", smollm2(vocabularies))
    yield _sentencepiece(vocabularies / "mistral" / "tokenizer.model")


def _openai(vocabularies: Path) -> Iterator[Oracle]:
    """tiktoken loads from a cache, in which a file is called by the hash of its address."""
    cache = tempfile.mkdtemp()
    os.environ["TIKTOKEN_CACHE_DIR"] = cache
    for name, url in URLS.items():
        shutil.copy(vocabularies / name, Path(cache) / hashlib.sha1(url.encode()).hexdigest())
    for name, ours in (
        ("gpt2", "gpt2"),
        ("cl100k_base", "cl100k_base.tiktoken"),
        ("o200k_base", "o200k_base.tiktoken"),
    ):
        encoding = tiktoken.get_encoding(name)
        yield Oracle(
            name=name,
            library=f"tiktoken {version('tiktoken')}",
            ours=vocabularies / ours,
            plain=lambda text, encoding=encoding: encoding.encode(text, disallowed_special=()),
            special=lambda text, encoding=encoding: encoding.encode(text, allowed_special="all"),
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
        plain=lambda text: plain.encode(text, add_special_tokens=False).ids,
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
