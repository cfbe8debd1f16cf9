"""What lies beside the vocabulary in a model folder: class, special tokens, and the ids that begin and end a text.

tokenizer_config.json     class, bos_token, eos_token, add_bos_token, add_eos_token, added_tokens_decoder
special_tokens_map.json   bos_token, eos_token, additional_special_tokens
added_tokens.json         ids of tokens that are not in the vocabulary file
config.json               tokenizer_class or model_type, where the class is missing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from llm_tokenizer.files.fields import check_id, naming, read_json, refusal
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import VocabularyTokenizer

CONFIG, SPECIAL, ADDED, MODEL = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json"
# of a model type, where tokenizer_config.json does not name a class
_CLASS_OF = dict.fromkeys(("gpt2", "gpt_neo", "gptj"), "GPT2Tokenizer")
_CLASS_OF |= dict.fromkeys(("qwen2", "qwen2_moe", "qwen3", "qwen3_moe"), "Qwen2Tokenizer")
_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")
AnyTokenizer = TypeVar("AnyTokenizer", bound=VocabularyTokenizer)


@dataclass(frozen=True, kw_only=True)
class FolderConfig:
    """The settings of a model folder; every field may be missing there.

    Args:
        tokenizer_class: The class in transformers.
        named: Special tokens by their role, such as `eos_token`.
        special: The texts of all tokens that are called special.
        added: The ids of tokens that the vocabulary file may lack, by their text.
        add_bos_token: Whether `bos_token` is put before every text.
        add_eos_token: Whether `eos_token` is put after every text.
        add_prefix_space: Whether a space is put before a text; None leaves it to the vocabulary file.
    """

    tokenizer_class: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    special: frozenset[str] = frozenset()
    added: Mapping[str, int] = field(default_factory=dict)
    add_bos_token: bool = False
    add_eos_token: bool = False
    add_prefix_space: bool | None = None

    def check_no_prefix_space(self) -> None:
        """Refuse a space before every text: only SentencePiece vocabularies put one here."""
        if self.add_prefix_space:
            raise refusal("add_prefix_space", "false (otherwise a space would be put before every text)", True)


def read_folder_config(folder: Path) -> FolderConfig:
    """Read what the files beside a vocabulary say; a missing file says nothing.

    Raises:
        TokenizerError: A file is damaged, or two of them contradict each other.
    """
    config, special_map = _read(folder / CONFIG), _read(folder / SPECIAL)
    named: dict[str, str] = {}
    special: set[str] = set()
    for file, content in ((CONFIG, config), (SPECIAL, special_map)):
        with naming(folder / file):
            for role in _NAMED:
                if (text := _token_text(role, content.get(role))) is not None:
                    named.setdefault(role, text)
            for key in ("additional_special_tokens", "extra_special_tokens"):
                listed = content.get(key) or []
                listed = list(listed.values()) if isinstance(listed, dict) else listed
                if not isinstance(listed, list):
                    raise refusal(key, "a list of tokens", listed)
                special |= {text for item in listed if (text := _token_text(key, item)) is not None}
    with naming(folder / CONFIG):
        added = _added_by_id(config.get("added_tokens_decoder") or {}, special)
        flags = {key: config.get(key) or False for key in ("add_bos_token", "add_eos_token")}
        for key, value in flags.items():
            if not isinstance(value, bool):
                raise refusal(key, "true or false", value)
        model = _read(folder / MODEL)
        named_class = config.get("tokenizer_class") or model.get("tokenizer_class")
        tokenizer_class = named_class or _CLASS_OF.get(str(model.get("model_type")), model.get("model_type"))
        prefix_space = config.get("add_prefix_space")
        if prefix_space is not None and not isinstance(prefix_space, bool):
            raise refusal("add_prefix_space", "true, false or null", prefix_space)
    with naming(folder / ADDED):
        for text, id in _read(folder / ADDED).items():
            if added.setdefault(text, check_id(text, id)) != id:
                raise refusal(text, f"{added[text]}, as in {CONFIG}", id)
    return FolderConfig(
        tokenizer_class=str(tokenizer_class) if tokenizer_class else None,
        named=named,
        special=frozenset(special | set(named.values())),
        added=added,
        add_prefix_space=prefix_space,
        **flags,
    )


def with_folder_ids(tokenizer: AnyTokenizer, config: FolderConfig) -> AnyTokenizer:
    """Return the tokenizer with the beginning and end of a text that the folder names; ids that it has already stay."""
    settings: dict[str, Any] = {}
    for role, add in (("bos", config.add_bos_token), ("eos", config.add_eos_token)):
        known, name = getattr(tokenizer, f"{role}_token_id"), config.named.get(f"{role}_token")
        id = tokenizer.added_tokens.get(name, known) if known is None and name else known
        if add and name and id is None:
            raise TokenizerError(f"{role}_token: must be a special token, to be added to every text, was {name!r}")
        settings[f"{role}_token_id"] = id
        settings[f"add_{role}_token"] = getattr(tokenizer, f"add_{role}_token") or (add and id is not None)
    return tokenizer.with_text_ids(**settings)


def check_bare(tokenizer: VocabularyTokenizer) -> None:
    """Refuse to put ids around every text: most formats have no place to say so."""
    for flag in ("add_bos_token", "add_eos_token"):
        if getattr(tokenizer, flag):
            raise TokenizerError(f"{flag}: must be False for this format, was True; save it with save_tokenizer")


def check_matching(field: str, entry: Mapping[str, Any]) -> None:
    """Refuse an added token that would match more than its own characters."""
    for key, change in (
        ("single_word", "inside a word it would be plain text"),
        ("lstrip", "white space before it would be dropped"),
        ("rstrip", "white space after it would be dropped"),
    ):
        if entry.get(key, False) is not False:
            raise refusal(f"{field}.{key}", f"false (otherwise {change})", entry[key])


def _added_by_id(decoder: object, special: set[str]) -> dict[str, int]:
    if not isinstance(decoder, dict):
        raise refusal("added_tokens_decoder", "an object", decoder)
    added = {}
    for key, entry in decoder.items():
        name = f"added_tokens_decoder[{key}]"
        text = _token_text(name, entry)
        if text is None or not str(key).isdecimal():
            raise refusal(name, "a token by its id", entry)
        check_matching(name, entry if isinstance(entry, dict) else {})
        added[text] = check_id(name, int(key))
        if isinstance(entry, dict) and entry.get("special"):
            special.add(text)
    return added


def _token_text(field: str, value: object) -> str | None:
    """Return the text of a token, which is a string or an object with `content`."""
    text = value.get("content") if isinstance(value, dict) else value
    if text is not None and not isinstance(text, str):
        raise refusal(field, "a token", value)
    return text or None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    with naming(path):
        return read_json(path)
