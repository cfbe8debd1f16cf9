"""Reading `tokenizer.json` back, and believing nothing in it.

The format can say much that changes ids: normalizers, prefixes, regular expressions of any kind. What our tokenizers do
not do is refused with the field's name, never skipped, so that a file either gives its author's ids or an error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from llm_tokenizer.bpe import BytePairTokenizer, merged_tokens
from llm_tokenizer.byte import ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.errors import TokenizerError
from llm_tokenizer.files.huggingface import EACH_CHARACTER, FILE, added_token, byte_level_vocabulary, split
from llm_tokenizer.patterns import PATTERNS

LoadedTokenizer = BytePairTokenizer | ByteTokenizer | CharacterTokenizer

_PATTERN_OF = {pattern.split: pattern.name for pattern in PATTERNS.values()}


def load_tokenizer(path: str | Path) -> LoadedTokenizer:
    """Read a tokenizer from a folder that holds `tokenizer.json`, or from that file.

    Raises:
        TokenizerError: The file is missing, damaged, or says something that our tokenizers do not do; the message
            names the file, the field and what to do.
    """
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TokenizerError(f"{file}: there is no such file; give a folder that holds {FILE}") from None
    except OSError as error:
        raise TokenizerError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{file}: is damaged, it is no JSON text: {error}; save the tokenizer again") from None
    try:
        return _File(file, document).tokenizer()
    except _FieldError as error:
        raise TokenizerError(f"{file}: {error}") from None


class _FieldError(Exception):
    """A field that is not as it must be; the file's name comes in front."""


def _refuse(field: str, must: str, was: object) -> NoReturn:
    shown = json.dumps(was, ensure_ascii=False, default=repr)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise _FieldError(f"{field}: must be {must}, was {shown}; save the tokenizer again or load it with its own library")


class _File:
    """One tokenizer file, field by field."""

    def __init__(self, path: Path, document: Any) -> None:
        self._path = path
        self._document = document

    def tokenizer(self) -> LoadedTokenizer:
        """The tokenizer, once every field has been looked at."""
        if not isinstance(self._document, dict):
            _refuse("the file", "a JSON object", self._document)
        for field in ("normalizer", "truncation", "padding"):
            if self._document.get(field) is not None:
                _refuse(field, "null", self._document[field])
        self._expect("post_processor.type", None, "ByteLevel")  # the second only moves offsets, which we have not
        kind = self._get("model.type", str)
        if kind == "BPE":
            return self._byte_level()
        if kind == "WordLevel":
            return self._character_level()
        _refuse("model.type", '"BPE" or "WordLevel"', kind)

    def _byte_level(self) -> BytePairTokenizer | ByteTokenizer:
        self._expect("model.dropout", None, 0, 0.0)
        self._expect("model.unk_token", None)
        for field in ("model.continuing_subword_prefix", "model.end_of_word_suffix"):
            self._expect(field, None, "")
        for field in ("model.byte_fallback", "model.ignore_merges"):
            self._expect(field, False, None)
        self._expect("decoder.type", "ByteLevel")
        vocabulary = self._vocabulary()
        merges = self._merges(vocabulary)
        try:
            tokens = merged_tokens(merges)
        except TokenizerError as error:
            raise _FieldError(f"model.{error}") from None
        expected = byte_level_vocabulary(tokens)
        for token, id in (expected | vocabulary).items():
            if expected.get(token) != vocabulary.get(token):
                place = f"model.vocab[{json.dumps(token, ensure_ascii=False)}]"
                _refuse(place, f"{expected.get(token, 'absent')} (bytes first, then the merges in order)", id)
        special_tokens = self._special_tokens(first_id=len(tokens))
        pattern = self._pattern()
        if pattern is not None:
            return BytePairTokenizer(merges, pattern=pattern, special_tokens=special_tokens)
        if merges:
            _refuse("pre_tokenizer", f"one of the known patterns ({', '.join(PATTERNS)})", "a whole text as one piece")
        return ByteTokenizer(special_tokens)

    def _character_level(self) -> CharacterTokenizer:
        self._expect("decoder.type", "Fuse")
        self._expect("model.unk_token", "")
        if self._get("pre_tokenizer", dict) != split(EACH_CHARACTER):
            _refuse("pre_tokenizer", "a split into single characters", self._document["pre_tokenizer"])
        vocabulary = self._vocabulary()
        for place, (token, id) in enumerate(sorted(vocabulary.items())):
            if len(token) != 1 or id != place:
                _refuse(f"model.vocab[{json.dumps(token)}]", "a single character, numbered by code point", id)
        if not vocabulary:
            _refuse("model.vocab", "at least one character", vocabulary)
        return CharacterTokenizer("".join(vocabulary), self._special_tokens(first_id=len(vocabulary)))

    def _vocabulary(self) -> dict[str, int]:
        vocabulary: dict[str, int] = self._get("model.vocab", dict)
        for token, id in vocabulary.items():
            if type(id) is not int:
                _refuse(f"model.vocab[{json.dumps(token)}]", "a whole number", id)
        return vocabulary

    def _merges(self, vocabulary: dict[str, int]) -> list[tuple[int, int]]:
        merges = []
        for place, merge in enumerate(self._get("model.merges", list)):
            parts = merge.split(" ") if isinstance(merge, str) else merge
            known = isinstance(parts, list) and all(isinstance(part, str) and part in vocabulary for part in parts)
            if not known or len(parts) != 2:
                _refuse(f"model.merges[{place}]", "two tokens of model.vocab", merge)
            merges.append((vocabulary[parts[0]], vocabulary[parts[1]]))
        return merges

    def _special_tokens(self, first_id: int) -> list[str]:
        names: list[str] = []
        for place, entry in enumerate(self._get("added_tokens", list)):
            field = f"added_tokens[{place}]"
            name = entry.get("content") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not name or name in names:
                _refuse(field, "a special token with a name (content) of its own", entry)
            expected = added_token(name, first_id + place)
            for key, value in expected.items():
                if key not in entry or entry[key] != value or type(entry[key]) is not type(value):
                    _refuse(f"{field}.{key}", json.dumps(value), entry.get(key))
            names.append(name)
        return names

    def _pattern(self) -> str | None:
        """The name of the pattern that the file cuts by; None where it does not cut at all."""
        cut = self._get("pre_tokenizer", dict)
        if cut.get("type") == "ByteLevel":
            self._expect("pre_tokenizer.add_prefix_space", False)
            return "gpt2" if self._get("pre_tokenizer.use_regex", bool) else None
        steps = cut.get("pretokenizers")
        if cut.get("type") != "Sequence" or not isinstance(steps, list) or len(steps) != 2:
            _refuse("pre_tokenizer", "ByteLevel, or a Sequence of Split and ByteLevel", cut)
        first, second = steps
        if not isinstance(second, dict) or {**second, "trim_offsets": None} != {
            "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": None, "use_regex": False
        }:  # fmt: skip
            _refuse("pre_tokenizer.pretokenizers[1]", "ByteLevel without prefix space and without regex", second)
        expression = first.get("pattern") if isinstance(first, dict) else None
        expression = expression.get("Regex") if isinstance(expression, dict) else None
        if not isinstance(expression, str) or expression not in _PATTERN_OF or first != split(expression):
            _refuse("pre_tokenizer.pretokenizers[0]", f"the split of {', '.join(PATTERNS)}", first)
        return _PATTERN_OF[expression]

    def _get(self, field: str, kind: type) -> Any:
        value = self._find(field)
        if not isinstance(value, kind):
            names = {str: "a string", dict: "an object", list: "a list", bool: "true or false"}
            _refuse(field, names[kind], value)
        return value

    def _expect(self, field: str, *accepted: object) -> None:
        value = self._find(field)
        if not any(value == one and type(value) is type(one) for one in accepted):
            _refuse(field, " or ".join(json.dumps(one) for one in accepted), value)

    def _find(self, field: str) -> Any:
        """The value of a field like `model.type`; None where it is absent."""
        value = self._document
        for key in field.split("."):
            if value is not None and not isinstance(value, dict):
                _refuse(field.rpartition(".")[0], "an object", value)
            value = None if value is None else value.get(key)
        return value
