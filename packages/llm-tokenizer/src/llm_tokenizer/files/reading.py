"""Reading `tokenizer.json`, our own and that of published models, and believing nothing in it.

The format can say much that changes ids: normalizers, prefixes, regular expressions of any kind. What our tokenizers do
not do is refused with the field's name, never skipped, so that a file either gives its author's ids or an error.
Only the post-processor is left aside: it puts ids around a text, which here is the caller's to do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llm_tokenizer.bpe.byte_unicode import from_printable
from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.pretrained import PretrainedTokenizer
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.bpe.tokenizer import BytePairTokenizer, merged_tokens
from llm_tokenizer.byte import BYTES, ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.corpus.text import Normalization
from llm_tokenizer.files.field import REMEDY, FieldError, check_id, naming, read_json, refusal
from llm_tokenizer.files.fields import Fields
from llm_tokenizer.files.huggingface import EACH_CHARACTER
from llm_tokenizer.files.splitting import pattern_of, split
from llm_tokenizer.interface import TokenizerError

HuggingFaceTokenizer = BytePairTokenizer | PretrainedTokenizer | ByteTokenizer | CharacterTokenizer


def load_hugging_face(path: str | Path) -> HuggingFaceTokenizer:
    """Read a file `tokenizer.json`.

    Raises:
        TokenizerError: The file is missing, damaged, or says something that our tokenizers do not do; the message
            names the file, the field and what to do.
    """
    path = Path(path)
    with naming(path):
        return from_hugging_face(Fields(read_json(path)))


def from_hugging_face(fields: Fields) -> HuggingFaceTokenizer:
    """The tokenizer, once every field has been looked at."""
    for field in ("truncation", "padding"):
        fields.expect(field, None)
    fields.expect("post_processor.type", None, "ByteLevel", "TemplateProcessing", "Sequence")
    kind = fields.get("model.type", str, default="BPE")  # the oldest files, GPT-2's among them, do not say it
    if kind == "BPE":
        return _byte_pair(fields)
    if kind == "WordLevel":
        return _character_level(fields)
    raise refusal("model.type", '"BPE" or "WordLevel"', kind)


def _byte_pair(fields: Fields) -> BytePairTokenizer | PretrainedTokenizer | ByteTokenizer:
    fields.expect("model.dropout", None, 0, 0.0)
    for field in ("model.continuing_subword_prefix", "model.end_of_word_suffix"):
        fields.expect(field, None, "")
    fields.expect("model.byte_fallback", False, None)
    fields.expect("model.ignore_merges", False, True, None)
    fields.expect("decoder.type", "ByteLevel")
    normalization = _normalization(fields)
    vocabulary = _vocabulary(fields)
    special_tokens = _special_tokens(fields, vocabulary, normalization)
    tokens = _tokens(vocabulary, special_tokens)
    merges = _merges(fields, vocabulary)
    pattern = pattern_of(fields.get("pre_tokenizer", dict))
    ignore_merges = fields.find("model.ignore_merges") is True
    visible = _visible_tokens(fields)
    plain = normalization is None and not ignore_merges and not visible
    if plain and _is_our_numbering(tokens, merges, special_tokens):
        if pattern is not None:
            return BytePairTokenizer(merges, pattern=pattern, special_tokens=list(special_tokens))
        if not merges:
            return ByteTokenizer(list(special_tokens))
    if pattern is None:
        for name in visible:
            raise refusal(f"added_tokens: special of {json.dumps(name)}", "true where a text is not cut", False)
        raise refusal(
            "pre_tokenizer", f"one of the known patterns ({', '.join(PATTERNS)})", "a whole text as one piece"
        )
    try:
        return PretrainedTokenizer(
            tokens,
            merges,
            pattern=pattern,
            special_tokens=special_tokens,
            ignore_merges=ignore_merges,
            normalization=normalization,
            visible_tokens=visible,
        )
    except TokenizerError as error:
        raise FieldError(f"model.{error}; {REMEDY}") from None


def _normalization(fields: Fields) -> Normalization | None:
    if fields.find("normalizer") is None:
        return None
    fields.expect("normalizer.type", "NFC")
    return "NFC"


def _is_our_numbering(tokens: dict[int, bytes], merges: list[Pair], special_tokens: dict[str, int]) -> bool:
    """Whether the ids are the bytes, then the merges in their order, then the special tokens."""
    if len(tokens) != 256 + len(merges) or any(tokens.get(id) != byte for id, byte in enumerate(BYTES)):
        return False
    try:
        expected = merged_tokens(merges)
    except TokenizerError:
        return False
    return tokens == dict(enumerate(expected)) and list(special_tokens.values()) == list(
        range(len(expected), len(expected) + len(special_tokens))
    )


def _character_level(fields: Fields) -> CharacterTokenizer:
    fields.expect("normalizer", None)
    fields.expect("decoder.type", "Fuse")
    fields.expect("model.unk_token", "")
    if fields.get("pre_tokenizer", dict) != split(EACH_CHARACTER):
        raise refusal("pre_tokenizer", "a split into single characters", fields.find("pre_tokenizer"))
    vocabulary: dict[str, int] = fields.get("model.vocab", dict)
    for place, (token, id) in enumerate(sorted(vocabulary.items())):
        if len(token) != 1 or type(id) is not int or id != place:
            raise refusal(f"model.vocab[{json.dumps(token)}]", "a single character, numbered by code point", id)
    if not vocabulary:
        raise refusal("model.vocab", "at least one character", vocabulary)
    special_tokens = _special_tokens(fields, vocabulary, None)
    for name in _visible_tokens(fields):
        raise refusal(f"added_tokens: special of {json.dumps(name)}", "true in a vocabulary of characters", False)
    for place, (name, id) in enumerate(special_tokens.items(), start=len(vocabulary)):
        if id != place:
            raise refusal(f"added_tokens: id of {json.dumps(name)}", str(place), id)
    return CharacterTokenizer("".join(vocabulary), list(special_tokens))


def _vocabulary(fields: Fields) -> dict[str, int]:
    vocabulary: dict[str, int] = fields.get("model.vocab", dict)
    ids: set[int] = set()
    for token, id in vocabulary.items():
        field = f"model.vocab[{json.dumps(token)}]"
        if check_id(field, id) in ids:
            raise refusal(field, "an id that no other token has", id)
        ids.add(id)
    return vocabulary


def _tokens(vocabulary: dict[str, int], special_tokens: dict[str, int]) -> dict[int, bytes]:
    """The bytes of the ordinary tokens."""
    tokens = {}
    for token, id in vocabulary.items():
        data = from_printable(token)
        if token in special_tokens:
            continue
        if not data:
            raise refusal(
                f"model.vocab[{json.dumps(token)}]", "a token of printable characters that stand for bytes", id
            )
        tokens[id] = data
    return tokens


def _merges(fields: Fields, vocabulary: dict[str, int]) -> list[Pair]:
    merges = []
    for place, merge in enumerate(fields.get("model.merges", list)):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        known = isinstance(parts, list) and all(isinstance(part, str) and part in vocabulary for part in parts)
        if not known or len(parts) != 2:
            raise refusal(f"model.merges[{place}]", "two tokens of model.vocab", merge)
        merges.append((vocabulary[parts[0]], vocabulary[parts[1]]))
    return merges


def _special_tokens(fields: Fields, vocabulary: dict[str, int], normalization: Normalization | None) -> dict[str, int]:
    """The added tokens. They may also stand in the vocabulary, with the same id."""
    token_of = {id: token for token, id in vocabulary.items()}
    special_tokens: dict[str, int] = {}
    for place, entry in enumerate(fields.get("added_tokens", list)):
        field = f"added_tokens[{place}]"
        name = entry.get("content") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or name in special_tokens:
            raise refusal(field, "a special token with a name (content) of its own", entry)
        id = check_id(f"{field}.id", entry.get("id"))
        if token_of.get(id, name) != name or vocabulary.get(name, id) != id:
            raise refusal(f"{field}.id", "an id that no other token has", id)
        token_of[id] = name
        _check_matching(field, entry, normalization)
        special_tokens[name] = id
    return special_tokens


def _visible_tokens(fields: Fields) -> list[str]:
    """The added tokens that are marked as not special: a reader is to see them."""
    return [entry["content"] for entry in fields.get("added_tokens", list) if not entry["special"]]


def _check_matching(field: str, entry: dict[str, Any], normalization: Normalization | None) -> None:
    """A special token must match exactly its own characters."""
    if not isinstance(entry.get("special"), bool):
        raise refusal(f"{field}.special", "true or false", entry.get("special"))
    for key in ("single_word", "lstrip", "rstrip"):
        if entry.get(key, False) is not False:
            raise refusal(f"{field}.{key}", "false", entry[key])
    if normalization is not None and entry.get("normalized", True) is not False:
        raise refusal(f"{field}.normalized", "false where the text is normalized", entry.get("normalized"))
