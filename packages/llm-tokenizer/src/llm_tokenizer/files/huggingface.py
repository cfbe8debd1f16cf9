"""Saving as `tokenizer.json`, the format of the Hugging Face libraries and the only one that this project writes.

The library `tokenizers` reads our files and gives our ids; `reading.py` reads them back.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from llm_tokenizer.alphabet import to_printable
from llm_tokenizer.bpe import BytePairTokenizer
from llm_tokenizer.byte import BYTES, ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.interface import Tokenizer
from llm_tokenizer.patterns import PATTERNS

FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
EACH_CHARACTER = r"[\s\S]"
END_OF_TEXT = "<|endoftext|>"


def save_tokenizer(tokenizer: Tokenizer, folder: str | Path) -> Path:
    """Write `tokenizer.json` and `tokenizer_config.json` into a folder, which is made if need be.

    Args:
        tokenizer: One of this package: byte-pair, byte or character.
        folder: Where to.

    Returns:
        The path of `tokenizer.json`.

    Raises:
        TokenizerError: The tokenizer is of a foreign kind, or the folder cannot be written.
    """
    folder = Path(folder)
    document = to_hugging_face(tokenizer)
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
    }
    if END_OF_TEXT in tokenizer.special_tokens:
        settings["eos_token"] = END_OF_TEXT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / SETTINGS_FILE, settings)
        _write(folder / FILE, document)
    except OSError as error:
        raise TokenizerError(f"{folder}: cannot be written: {error.strerror}; choose another folder") from None
    return folder / FILE


def to_hugging_face(tokenizer: Tokenizer) -> dict[str, Any]:
    """The content of `tokenizer.json`."""
    if isinstance(tokenizer, BytePairTokenizer):
        parts = _byte_level(tokenizer, tokenizer.merges, pre_tokenizer(tokenizer.pattern))
    elif isinstance(tokenizer, ByteTokenizer):
        parts = _byte_level(tokenizer, (), byte_level(use_regex=False))
    elif isinstance(tokenizer, CharacterTokenizer):
        parts = _character_level(tokenizer)
    else:
        raise TokenizerError(
            f"tokenizer: must be a BytePairTokenizer, ByteTokenizer or CharacterTokenizer, "
            f"was {type(tokenizer).__name__}; save it with its own library"
        )
    added_tokens = [added_token(name, id) for name, id in tokenizer.special_tokens.items()]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": None,
        "post_processor": None,
        **parts,
    }


def pre_tokenizer(pattern: str) -> dict[str, Any]:
    """How the format says: cut by this pattern, then show each byte as a character."""
    if pattern == "gpt2":
        return byte_level(use_regex=True)  # its regular expression is built into the format
    return {"type": "Sequence", "pretokenizers": [split(PATTERNS[pattern].split), byte_level(use_regex=False)]}


def split(expression: str) -> dict[str, Any]:
    """A cut by a regular expression, every match a piece."""
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def byte_level(*, use_regex: bool) -> dict[str, Any]:
    """Each byte as a character (see `alphabet.py`), with GPT-2's pattern or none."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def added_token(name: str, id: int) -> dict[str, Any]:
    """A special token."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": id, "content": name, **flags}


def byte_level_vocabulary(tokens: list[bytes]) -> dict[str, int]:
    """The printable form of each token and its id."""
    return {to_printable(token): id for id, token in enumerate(tokens)}


def _byte_level(tokenizer: Tokenizer, merges: tuple[tuple[int, int], ...], cut: dict[str, Any]) -> dict[str, Any]:
    tokens = [tokenizer.token_bytes(id) for id in range(len(BYTES) + len(merges))]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": byte_level_vocabulary(tokens),
        "merges": [[to_printable(tokens[left]), to_printable(tokens[right])] for left, right in merges],
    }
    return {"pre_tokenizer": cut, "decoder": byte_level(use_regex=True), "model": model}


def _character_level(tokenizer: CharacterTokenizer) -> dict[str, Any]:
    vocabulary = {character: id for id, character in enumerate(tokenizer.characters)}
    # The format demands a name for unknown characters. None is in the vocabulary: an unknown one is an error there too.
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": ""}
    return {"pre_tokenizer": split(EACH_CHARACTER), "decoder": {"type": "Fuse"}, "model": model}


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write the whole file or leave the old one as it was."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
