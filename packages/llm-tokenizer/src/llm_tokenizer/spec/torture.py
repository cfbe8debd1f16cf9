"""The texts of `torture.json`, and the ids that well-known vocabularies give for them.

Scripts, marks, control characters, special tokens in all disguises, long runs. The texts are ours; the ids were
recorded from the vocabularies' own libraries, and hold for anybody's tokenizer that loads such a vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("torture.json")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What one library says of one vocabulary.

    `plain` holds the ids of each text by its name, None where the text must be refused. `special` holds those that are
    others once every special token is allowed; None where the library does not look for them in a text.
    """

    oracle: str
    plain: Mapping[str, list[int] | None]
    special: Mapping[str, list[int] | None] | None


@cache
def torture_texts() -> Mapping[str, str]:
    """All texts by their names."""
    return {
        entry["name"]: entry["text"] if "text" in entry else entry["unit"] * entry["times"] + entry.get("end", "")
        for entry in _document()["texts"]
    }


@cache
def recorded_ids() -> Mapping[str, Recorded]:
    """The recorded ids by the name of the vocabulary."""
    return {name: Recorded(**entry) for name, entry in _document()["vocabularies"].items()}


def has_surrogates(text: str) -> bool:
    """Whether the text holds half a surrogate pair, which no UTF-8 can say."""
    return any("\ud800" <= character <= "\udfff" for character in text)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return document
