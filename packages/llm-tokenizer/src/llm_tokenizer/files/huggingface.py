"""Saving as `tokenizer.json`, the format of the Hugging Face libraries and the one in which a model folder holds it.

The library `tokenizers` reads our files and gives our ids; `reading.py` reads them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llm_tokenizer.bpe.byte_unicode import to_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.byte import BYTES, ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.files.splitting import byte_level, pre_tokenizer, split
from llm_tokenizer.files.writing import write_errors_as, write_json
from llm_tokenizer.interface import Tokenizer, TokenizerError

FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
EACH_CHARACTER = r"[\s\S]"
END_OF_TEXT = "<|endoftext|>"


def save_tokenizer(tokenizer: Tokenizer, folder: str | Path) -> Path:
    """Write `tokenizer.json` and `tokenizer_config.json` into a folder, which is made if need be.

    Args:
        tokenizer: One of this package: byte-pair, published, byte or character.
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
    with write_errors_as(TokenizerError, folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SETTINGS_FILE, settings)
        write_json(folder / FILE, document)
    return folder / FILE


def to_hugging_face(tokenizer: Tokenizer) -> dict[str, Any]:
    """The content of `tokenizer.json`."""
    if isinstance(tokenizer, BytePairTokenizer):
        parts = _byte_level(tokenizer.tokens, tokenizer.merges, pre_tokenizer(tokenizer.pattern))
    elif isinstance(tokenizer, PretrainedTokenizer):
        parts = _published(tokenizer)
    elif isinstance(tokenizer, ByteTokenizer):
        parts = _byte_level(dict(enumerate(BYTES)), (), byte_level(use_regex=False))
    elif isinstance(tokenizer, CharacterTokenizer):
        parts = _character_level(tokenizer)
    else:
        raise TokenizerError(
            "tokenizer: must be a BytePairTokenizer, PretrainedTokenizer, ByteTokenizer or CharacterTokenizer, "
            f"was {type(tokenizer).__name__}; save it with its own library"
        )
    visible = tokenizer.visible_tokens if isinstance(tokenizer, PretrainedTokenizer) else frozenset()
    added_tokens = [added_token(name, id, name not in visible) for name, id in tokenizer.special_tokens.items()]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": None,
        "post_processor": None,
        **parts,
    }


def added_token(name: str, id: int, special: bool = True) -> dict[str, Any]:
    """A special token; to these libraries one that a reader is to see, such as `<think>`, is not "special"."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}
    return {"id": id, "content": name, **flags}


def _published(tokenizer: PretrainedTokenizer) -> dict[str, Any]:
    parts = _byte_level(tokenizer.tokens, tokenizer.merges, pre_tokenizer(tokenizer.pattern))
    parts["model"]["ignore_merges"] = tokenizer.ignore_merges
    vocabulary: dict[str, int] = parts["model"]["vocab"]
    for name, id in tokenizer.special_tokens.items():
        if name in vocabulary:
            raise TokenizerError(f"special_tokens: {name!r} is also an ordinary token, which this format cannot say")
        vocabulary[name] = id  # without this the library `tokenizers` would give it the next free id
    if tokenizer.normalization is not None:
        parts["normalizer"] = {"type": tokenizer.normalization}
    return parts


def _byte_level(tokens: Mapping[int, bytes], merges: Iterable[Pair], cut: dict[str, Any]) -> dict[str, Any]:
    printable = {id: to_printable(token) for id, token in sorted(tokens.items())}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: id for id, token in printable.items()},
        "merges": [[printable[left], printable[right]] for left, right in merges],
    }
    return {"pre_tokenizer": cut, "decoder": byte_level(use_regex=True), "model": model}


def _character_level(tokenizer: CharacterTokenizer) -> dict[str, Any]:
    vocabulary = {character: id for id, character in enumerate(tokenizer.characters)}
    # The format demands a name for unknown characters. None is in the vocabulary: an unknown one is an error there too.
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": ""}
    return {"pre_tokenizer": split(EACH_CHARACTER), "decoder": {"type": "Fuse"}, "model": model}
