"""The vocabulary inside a GGUF model file, as llama.cpp uses it. The weights are not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_tokenizer.bpe.byte_unicode import from_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.files.field import naming, refusal
from llm_tokenizer.files.metadata import read_metadata
from llm_tokenizer.files.sentencepiece import NORMAL, Piece, from_pieces

PATTERN_OF = {"gpt-2": "gpt2", "llama-bpe": "llama3", "qwen2": "qwen2", "smollm": "smollm"}
WHOLE_PIECES = ("llama-bpe",)
_USER_DEFINED = 4  # a special token that a reader is to see
_MODEL, _PRE, _TOKENS, _TYPES, _SCORES, _MERGES, _LEADING_BLANK = _KEYS = (
    "tokenizer.ggml.model",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.add_space_prefix",
)


def load_gguf(path: str | Path) -> PretrainedTokenizer | SentencePieceTokenizer:
    """Read the tokenizer of a GGUF file.

    Byte-level ("gpt2") and SentencePiece ("llama") vocabularies are read. A control, user-defined or unused token is a
    special token here: it never comes out of a text unless the caller allows it. The format knows no normalization, so
    the text of a Qwen model is not brought to NFC, just as llama.cpp does not.

    Raises:
        TokenizerError: The file is missing or damaged, or its tokenizer is of a kind that is not read.
    """
    path = Path(path)
    with naming(path):
        values = read_metadata(path, _KEYS)
        kind = values.get(_MODEL)
        if kind == "gpt2":
            return _byte_level(values)
        if kind == "llama":
            return _sentencepiece(values)
        raise refusal(_MODEL, '"gpt2" or "llama"', kind, "load it with llama.cpp")


def _byte_level(values: dict[str, Any]) -> PretrainedTokenizer:
    pre = values.get(_PRE)
    if not isinstance(pre, str) or pre not in PATTERN_OF:
        raise refusal(_PRE, f"one of {', '.join(PATTERN_OF)}", pre, "load it with llama.cpp")
    names = _list(values, _TOKENS, str)
    kinds = _list(values, _TYPES, int, len(names), NORMAL)
    id_of: dict[str, int] = {}
    tokens: dict[int, bytes] = {}
    special_tokens: dict[str, int] = {}
    for id, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if not name or name in id_of:
            raise refusal(f"{_TOKENS}[{id}]", "a text of its own that is not empty", name)
        id_of[name] = id
        if kind != NORMAL:
            special_tokens[name] = id
            continue
        data = from_printable(name)
        if data is None:
            raise refusal(f"{_TOKENS}[{id}]", "made of printable characters that stand for bytes", name)
        tokens[id] = data
    merges: list[Pair] = []
    for place, merge in enumerate(_list(values, _MERGES, str)):
        left, _, right = merge.partition(" ")
        if left not in id_of or right not in id_of:
            raise refusal(f"{_MERGES}[{place}]", "two tokens with a blank between them", merge)
        merges.append((id_of[left], id_of[right]))
    return PretrainedTokenizer(
        tokens,
        merges,
        pattern=PATTERN_OF[pre],
        special_tokens=special_tokens,
        ignore_merges=pre in WHOLE_PIECES,
        visible_tokens=[name for name, kind in zip(names, kinds, strict=True) if kind == _USER_DEFINED],
    )


def _sentencepiece(values: dict[str, Any]) -> SentencePieceTokenizer:
    names = _list(values, _TOKENS, str)
    scores = _list(values, _SCORES, float, len(names))
    kinds = _list(values, _TYPES, int, len(names))
    leading_blank = values.get(_LEADING_BLANK, True)
    if not isinstance(leading_blank, bool):
        raise refusal(_LEADING_BLANK, "true or false", leading_blank)
    pieces = [Piece(text=text, score=score, kind=kind) for text, score, kind in zip(names, scores, kinds, strict=True)]
    return from_pieces(pieces, leading_blank=leading_blank)


def _list(values: dict[str, Any], key: str, kind: type, length: int | None = None, default: Any = None) -> list[Any]:
    """A list of one kind of items, and of this length; with a default it may be absent."""
    items = values.get(key)
    if items is None and default is not None and length is not None:
        return [default] * length
    if not isinstance(items, list) or any(type(item) is not kind for item in items):
        raise refusal(key, f"a list of items of the kind {kind.__name__}", items)
    if length is not None and len(items) != length:
        raise refusal(key, f"{length} items, one for each token", len(items))
    return items
