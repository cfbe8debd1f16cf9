"""Read the vocabulary inside a GGUF model file, as llama.cpp uses it. The weights are not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_tokenizer.bpe.byte_unicode import from_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.sentencepiece import SentencePieceTokenizer
from llm_tokenizer.files.fields import check_id, naming, refusal
from llm_tokenizer.files.gguf_metadata import read_metadata
from llm_tokenizer.files.sentencepiece import NORMAL, USER_DEFINED, Piece, from_pieces

PATTERN_OF = {"gpt-2": "gpt2", "llama-bpe": "llama3", "qwen2": "qwen2", "smollm": "smollm"}
# Other names of the same patterns; OLMo 2 says dbrx.
_SAME_PATTERN = {"llama3": "llama3", "llama-v3": "llama3", "dbrx": "llama3", "deepseek-r1-qwen": "qwen2"}
IGNORE_MERGES = ("llama-bpe", "llama3", "llama-v3")
_MODEL, _PRE, _TOKENS, _TYPES, _SCORES, _MERGES, _SPACE_PREFIX, _BOS, _EOS, _ADD_BOS, _ADD_EOS = _KEYS = tuple(
    f"tokenizer.ggml.{name}"
    for name in (
        "model", "pre", "tokens", "token_type", "scores", "merges", "add_space_prefix",
        "bos_token_id", "eos_token_id", "add_bos_token", "add_eos_token",
    )
)  # fmt: skip


def load_gguf(path: str | Path) -> PretrainedTokenizer | SentencePieceTokenizer:
    """Read the tokenizer of a GGUF file.

    Byte-level ("gpt2") and SentencePiece ("llama") vocabularies are read. A control or unused token is a special token
    here: it never comes out of a text unless the caller allows it; in a byte-level vocabulary so is a user-defined
    one. The format knows no normalization, so the text of a Qwen model is not brought to NFC, just as in llama.cpp.

    Raises:
        TokenizerError: The file is missing or damaged, or its tokenizer is of a kind that is not read.
    """
    path = Path(path)
    with naming(path):
        values = read_metadata(path, _KEYS)
        kind = values.get(_MODEL)
        if kind not in ("gpt2", "llama"):
            raise refusal(_MODEL, '"gpt2" or "llama"', kind, "load it with llama.cpp")
        tokenizer = _byte_level(values) if kind == "gpt2" else _sentencepiece(values)
        return tokenizer.with_text_ids(
            bos_token_id=_id(values, _BOS, 1 if kind == "llama" else None),
            eos_token_id=_id(values, _EOS, 2 if kind == "llama" else None),
            # What llama.cpp does where a file does not say it.
            add_bos_token=_flag(values, _ADD_BOS, kind == "llama" or values.get(_PRE) in IGNORE_MERGES),
            add_eos_token=_flag(values, _ADD_EOS, False),
        )


def _byte_level(values: dict[str, Any]) -> PretrainedTokenizer:
    pre, known = values.get(_PRE), PATTERN_OF | _SAME_PATTERN
    if not isinstance(pre, str) or pre not in known:
        raise refusal(_PRE, f"one of {', '.join(known)}", pre, "load it with llama.cpp")
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
            raise refusal(f"{_MERGES}[{place}]", "two tokens with a space between them", merge)
        merges.append((id_of[left], id_of[right]))
    return PretrainedTokenizer(
        tokens,
        merges,
        pattern=known[pre],
        special_tokens=special_tokens,
        ignore_merges=pre in IGNORE_MERGES,
        visible_tokens=[name for name, kind in zip(names, kinds, strict=True) if kind == USER_DEFINED],
    )


def _sentencepiece(values: dict[str, Any]) -> SentencePieceTokenizer:
    names = _list(values, _TOKENS, str)
    scores = _list(values, _SCORES, float, len(names))
    kinds = _list(values, _TYPES, int, len(names))
    pieces = [Piece(text=text, score=score, kind=kind) for text, score, kind in zip(names, scores, kinds, strict=True)]
    return from_pieces(pieces, prepend_scheme="always" if _flag(values, _SPACE_PREFIX, True) else "never")


def _list(values: dict[str, Any], key: str, kind: type, length: int | None = None, default: Any = None) -> list[Any]:
    """Return a list of one kind of items, and of this length; with a default it may be absent."""
    items = values.get(key)
    if items is None and default is not None and length is not None:
        return [default] * length
    if not isinstance(items, list) or any(type(item) is not kind for item in items):
        raise refusal(key, f"a list of items of the kind {kind.__name__}", items)
    if length is not None and len(items) != length:
        raise refusal(key, f"{length} items, one for each token", len(items))
    return items


def _flag(values: dict[str, Any], key: str, default: bool) -> bool:
    value = values.get(key, default)
    if not isinstance(value, bool):
        raise refusal(key, "true or false", value)
    return value


def _id(values: dict[str, Any], key: str, default: int | None) -> int | None:
    value = values.get(key, default)
    return None if value is None else check_id(key, value)
