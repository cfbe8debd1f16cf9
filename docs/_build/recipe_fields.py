"""The fields of a recipe as the page shows them: what `llm-train run --help` says, from the same source."""

from __future__ import annotations

import html
import json
from dataclasses import MISSING, fields
from typing import Any

from vocabulary_figures import table

from llm_train.commands.run import SETTING
from llm_train.recipes.settings import SECTIONS


def fields_table() -> str:
    """Every field with its help, its choices and its default, section by section."""
    rows = [
        (f"<code>{name}.{entry.name}</code>", html.escape(entry.metadata["about"]) + _choices(entry), _default(entry))
        for name, kind in SECTIONS.items()
        for entry in fields(kind)
    ]
    return table(("field", "what it is", "default"), rows, words=True)


def how_to_set() -> str:
    """How `--set` reads a value."""
    return f"<pre>{html.escape(SETTING)}</pre>"


def _choices(entry: Any) -> str:
    choices = entry.metadata["choices"]
    return f" ({', '.join(f'<code>{choice}</code>' for choice in choices)})" if choices else ""


def _default(entry: Any) -> str:
    if entry.default is MISSING:
        return "must be given"
    return "absent" if entry.default is None else f"<code>{html.escape(json.dumps(entry.default))}</code>"
