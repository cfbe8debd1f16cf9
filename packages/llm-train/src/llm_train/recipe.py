"""A recipe: every decision of a training run, in one frozen object that is written into the run folder.

A recipe is TOML with one table per section (`settings.py`). What a recipe leaves undecided (`steps`, `threads`,
`precision = "auto"`) is decided once, at the start of the run, and the recipe in the run folder holds every field.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from llm_train.interface import TrainError, suggest
from llm_train.settings import (
    SECTION_OF,
    SECTIONS,
    Data,
    Model,
    Optimizer,
    Report,
    Schedule,
    Tokenizer,
    Training,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run. The same recipe on the same machine gives the same model."""

    name: str
    about: str = ""
    data: Data
    tokenizer: Tokenizer = field(default_factory=Tokenizer)
    model: Model = field(default_factory=Model)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    training: Training = field(default_factory=Training)
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        if self.training.steps is None and self.training.minutes is None:
            raise TrainError("training.steps or training.minutes must be given: how long shall the run be?")
        if self.model.heads % self.model.kv_heads:
            raise TrainError(
                f"model.heads must be a multiple of kv_heads {self.model.kv_heads}, was {self.model.heads}"
            )
        if self.schedule.decay > 1:
            raise TrainError(f"schedule.decay must be a share from 0 to 1, was {self.schedule.decay}")

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], source: str) -> Self:
        """Read a parsed TOML document; `source` names it in errors."""
        known = {"name", "about", *SECTIONS}
        for key in content:
            if key not in known:
                raise TrainError(f"{source}: {key!r} is no part of a recipe{suggest(key, known)}")
        made: dict[str, Any] = {}
        for name, kind in SECTIONS.items():
            table = content.get(name, {})
            if not isinstance(table, Mapping):
                raise TrainError(f"{source}: {name} must be a table ([{name}]), was {table!r}")
            names = {entry.name for entry in fields(kind)}
            for key in table:
                if key not in names:
                    raise TrainError(f"{source}: {name}.{key} is no field of a recipe{suggest(key, SECTION_OF)}")
            if name == "data" and "corpus" not in table:
                raise TrainError(f'{source}: data.corpus must be given: "shakespeare" or a path')
            made[name] = kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in table.items()})
        for key in ("name", "about"):
            if not isinstance(content.get(key, ""), str):
                raise TrainError(f"{source}: {key} must be text, was {content[key]!r}")
        return cls(name=content.get("name", Path(source).stem), about=content.get("about", ""), **made)

    @classmethod
    def load(cls, name: str) -> Self:
        """Read a shipped recipe by its name, or a TOML file by its path."""
        shipped = shipped_recipes()
        if name in shipped:
            return cls.from_dict(tomllib.loads(shipped[name]), f"recipe {name}")
        path = Path(name)
        if not path.is_file():
            raise TrainError(f"there is no recipe {name!r}{suggest(name, shipped)}; shipped are {', '.join(shipped)}")
        try:
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise TrainError(f"{path}: must be a recipe in TOML, but: {error}") from None

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """All fields, section by section; a field that is not decided yet is None."""
        return {
            name: {entry.name: getattr(getattr(self, name), entry.name) for entry in fields(kind)}
            for name, kind in SECTIONS.items()
        }

    def to_toml(self) -> str:
        """The recipe as TOML, with what each field means beside it. A field that is not decided stays away."""
        lines = [f"name = {_toml(self.name)}", f"about = {_toml(self.about)}"]
        for name, kind in SECTIONS.items():
            lines += ["", f"[{name}]"]
            for entry in fields(kind):
                value = getattr(getattr(self, name), entry.name)
                if value is not None:
                    lines.append(f"{entry.name} = {_toml(value)}".ljust(34) + f"  # {entry.metadata['about']}")
        return "\n".join(lines) + "\n"

    def with_values(self, **values: Any) -> Self:
        """The same recipe with other values, each field by its own name: `with_values(steps=100)`."""
        changed = self
        for key, value in values.items():
            section = SECTION_OF[key]
            table: dict[str, Any] = {section: replace(getattr(changed, section), **{key: value})}
            changed = replace(changed, **table)
        return changed

    def with_settings(self, settings: list[str]) -> Self:
        """The same recipe after `field=value` settings from a command line; a value is written as in TOML."""
        changed: dict[str, Any] = {}
        for setting in settings:
            key, equals, text = setting.partition("=")
            key = key.strip()
            section, _, short = key.rpartition(".")
            if not equals:
                raise TrainError(f"--set {setting!r}: must be field=value, for example --set steps=100")
            if short not in SECTION_OF or section not in ("", SECTION_OF[short]):
                raise TrainError(f"--set {setting!r}: {key} is no field of a recipe{suggest(short, SECTION_OF)}")
            changed[short] = _parse(text.strip())
        # A wish for steps replaces the recipe's own minutes, and the other way round.
        if "steps" in changed and "minutes" not in changed:
            changed["minutes"] = None
        if "minutes" in changed and "steps" not in changed:
            changed["steps"] = None
        tables: dict[str, Any] = {}
        for section, kind in SECTIONS.items():
            new = {key: value for key, value in changed.items() if SECTION_OF[key] == section}
            if new:
                tables[section] = kind(**(self.to_dict()[section] | new))
        return replace(self, **tables)


def shipped_recipes() -> dict[str, str]:
    """The recipes that come with this package: name to TOML."""
    folder = files("llm_train") / "recipes"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(found, key=lambda e: e.name)
    }


def _parse(text: str) -> Any:
    """A value as in TOML; what is none is taken as text, so that quotes may be left out."""
    try:
        return _tuples(tomllib.loads(f"value = {text}")["value"])
    except tomllib.TOMLDecodeError:
        return text


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    """A TOML value. TOML's basic strings are JSON's, so JSON writes them."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
