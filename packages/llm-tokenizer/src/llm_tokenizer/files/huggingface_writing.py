"""Write `tokenizer.json`, the format of the Hugging Face libraries and of model folders.

The library `tokenizers` reads our files and produces our ids; `huggingface_reading.py` reads them back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from llm_tokenizer.bpe.byte_unicode import to_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.sentencepiece import SPACE, SentencePieceTokenizer
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer
from llm_tokenizer.byte import BYTES, ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.files.huggingface_config import ADDED, CONFIG, SPECIAL
from llm_tokenizer.files.huggingface_splitting import byte_level, pre_tokenizer, split
from llm_tokenizer.files.huggingface_template import names_around, write_template
from llm_tokenizer.files.sentencepiece import BYTE_OF, save_sentencepiece
from llm_tokenizer.files.sentencepiece import FILE as MODEL_FILE
from llm_tokenizer.files.writing import write_errors_as, write_json
from llm_tokenizer.interface import Tokenizer, TokenizerError
from llm_tokenizer.special import VocabularyTokenizer

FILE = "tokenizer.json"
EACH_CHARACTER = r"[\s\S]"
END_OF_TEXT = "<|endoftext|>"
# How a SentencePiece vocabulary writes spaces, puts one before a text, and undoes it in decoding.
SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
PREPEND = {"type": "Prepend", "prepend": SPACE}
BACK = [
    {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
]


def save_tokenizer(tokenizer: Tokenizer, folder: str | Path) -> Path:
    """Write a tokenizer and `tokenizer_config.json` into a folder, which is made if need be.

    A SentencePiece tokenizer that orders its merges by scores is written as `tokenizer.model`, since `tokenizer.json`
    has no place for scores; every other one as `tokenizer.json`. What a tokenizer that was saved there before has left
    is removed, since it would be read with the new one, or in its place.

    These files name only special tokens. An ordinary one that ends a text is named in `generation_config.json`.

    Args:
        tokenizer: One of this package.
        folder: Where to.

    Returns:
        The path of the tokenizer's file.

    Raises:
        TokenizerError: The tokenizer is of a foreign kind, an ordinary token is to be added to every text, or the
            folder cannot be written.
    """
    folder = Path(folder)
    by_score = isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.scores is not None
    document = None if by_score else to_hugging_face(tokenizer)
    assert isinstance(tokenizer, VocabularyTokenizer)  # any other kind has been refused
    settings = _settings(tokenizer)
    written = folder / (MODEL_FILE if by_score else FILE)
    with write_errors_as(TokenizerError, folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / CONFIG, settings)
        if isinstance(tokenizer, SentencePieceTokenizer) and by_score:
            bare = tokenizer.with_text_ids(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id)
            save_sentencepiece(bare, written)  # the settings say which of them are added
        else:
            write_json(written, document)
        for name in {FILE, MODEL_FILE, SPECIAL, ADDED} - {written.name}:
            (folder / name).unlink(missing_ok=True)
    return written


def _settings(tokenizer: VocabularyTokenizer) -> dict[str, Any]:
    """Return the content of `tokenizer_config.json`."""
    is_open = tokenizer.eos_token_id is None and END_OF_TEXT in tokenizer.special_tokens
    end = {"eos_token": END_OF_TEXT} if is_open else {}
    settings: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    if isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.scores is not None:
        settings["tokenizer_class"] = "LlamaTokenizer"
        settings["add_bos_token"], settings["add_eos_token"] = tokenizer.add_bos_token, tokenizer.add_eos_token
        settings["add_prefix_space"] = tokenizer.prepend_scheme != "never"
    return settings | end | names_around(tokenizer)


def to_hugging_face(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the content of `tokenizer.json`."""
    visible: Collection[str] = ()
    extra: Mapping[str, int] = {}
    if isinstance(tokenizer, BytePairTokenizer):
        parts = _byte_level(tokenizer.tokens, tokenizer.merges, pre_tokenizer(tokenizer.pattern))
    elif isinstance(tokenizer, PretrainedTokenizer):
        parts, visible = _pretrained(tokenizer), tokenizer.visible_tokens
    elif isinstance(tokenizer, ByteTokenizer):
        parts = _byte_level(dict(enumerate(BYTES)), (), byte_level(use_regex=False))
    elif isinstance(tokenizer, CharacterTokenizer):
        parts = _character_level(tokenizer)
    elif isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.merges is not None:
        parts, visible, extra = _sentencepiece(tokenizer), tokenizer.user_defined, tokenizer.user_defined
    else:
        raise TokenizerError(
            "tokenizer: must be a BytePairTokenizer, PretrainedTokenizer, ByteTokenizer, CharacterTokenizer or "
            f"SentencePieceTokenizer with merges, was {type(tokenizer).__name__}; save it with its own library"
        )
    added = sorted([*tokenizer.special_tokens.items(), *extra.items()], key=lambda item: item[1])
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added_token(name, id, name not in visible) for name, id in added],
        "normalizer": None,
        "post_processor": write_template(tokenizer),
        **parts,
    }


def added_token(name: str, id: int, special: bool = True) -> dict[str, Any]:
    """Return the entry of a token; to these libraries one that a reader is to see (`<think>`) is not "special"."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}
    return {"id": id, "content": name, **flags}


def _pretrained(tokenizer: PretrainedTokenizer) -> dict[str, Any]:
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
    model = _bpe(
        {token: id for id, token in printable.items()}, [[printable[left], printable[right]] for left, right in merges]
    )
    return {"pre_tokenizer": cut, "decoder": byte_level(use_regex=True), "model": model}


def _bpe(vocabulary: dict[str, int], merges: list[list[str]]) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": vocabulary,
        "merges": merges,
    }


def _character_level(tokenizer: CharacterTokenizer) -> dict[str, Any]:
    vocabulary = {character: id for id, character in enumerate(tokenizer.characters)}
    # The format demands a name for unknown characters. None is in the vocabulary: an unknown one is an error there too.
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": ""}
    return {"pre_tokenizer": split(EACH_CHARACTER), "decoder": {"type": "Fuse"}, "model": model}


def _sentencepiece(tokenizer: SentencePieceTokenizer) -> dict[str, Any]:
    vocabulary = dict(zip(BYTE_OF, tokenizer.byte_ids, strict=True))
    for part in (tokenizer.pieces, tokenizer.special_tokens, tokenizer.user_defined):
        vocabulary |= part
    model = _bpe(dict(sorted(vocabulary.items(), key=lambda item: item[1])), list(map(list, tokenizer.merges or ())))
    model |= {"byte_fallback": True, "fuse_unk": True}
    normalizer: dict[str, Any] | None = SPACES
    splitter = None
    if tokenizer.prepend_scheme == "always" and tokenizer.double_space:
        normalizer = {"type": "Sequence", "normalizers": [PREPEND, SPACES]}
    elif not tokenizer.double_space:
        normalizer, scheme = None, tokenizer.prepend_scheme
        splitter = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": False}
    elif tokenizer.prepend_scheme == "first":
        raise TokenizerError(
            "tokenizer: must have double_space=False with the prepend_scheme first, for tokenizer.json"
        )
    decoder = {"type": "Sequence", "decoders": BACK[: 3 if tokenizer.prepend_scheme == "never" else 4]}
    return {"normalizer": normalizer, "pre_tokenizer": splitter, "decoder": decoder, "model": model}
