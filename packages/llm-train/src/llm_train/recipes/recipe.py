"""A recipe: every setting of a training run, in one frozen object that is written into the run folder.

A recipe is TOML with one table per section (`settings.py`). What a recipe leaves open (`steps`, `threads`,
`precision = "auto"`) is decided once, at the start of the run, and the recipe in the run folder has every field.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from llm_tokenizer.commands.wording import suggest
from llm_train.interface import TrainError
from llm_train.recipes.effects import without_effect
from llm_train.recipes.settings import (
    SECTION_OF,
    SECTIONS,
    ComputeSettings,
    DataSettings,
    ModelSettings,
    OptimizerSettings,
    ReportSettings,
    ScheduleSettings,
    TokenizerSettings,
    TrainingSettings,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a run. The same recipe on the same machine gives the same model."""

    name: str
    about: str = ""
    data: DataSettings
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    compute: ComputeSettings = field(default_factory=ComputeSettings)
    report: ReportSettings = field(default_factory=ReportSettings)

    def __post_init__(self) -> None:
        if self.training.steps is None and self.training.minutes is None:
            raise TrainError("training.steps or training.minutes must be given")
        if self.model.heads % self.model.kv_heads:
            raise TrainError(
                f"model.heads must be a multiple of kv_heads {self.model.kv_heads}, was {self.model.heads}"
            )
        first_length = self.schedule.first_length
        if first_length is not None and first_length >= self.model.context_length:
            raise TrainError(
                f"schedule.first_length must be below model.context_length {self.model.context_length}, to which rows "
                f"grow, was {first_length}"
            )
        for name, default, why in without_effect(self):
            section, _, key = name.partition(".")
            raise TrainError(
                f"{name} must be left at {_toml(default)}, was {_toml(getattr(getattr(self, section), key))}: {why}, "
                f"so it has no effect (in a command: --set {key}={_toml(default)})"
            )

    @property
    def passes_per_update(self) -> int:
        """How many passes the first update has, of all processes together."""
        return self.training.accumulate * (self.compute.processes or 1)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], source: str) -> Self:
        """Read a parsed TOML document; `source` names it in errors."""
        if unknown := list(_unknown(content)):
            raise TrainError(
                f"{source}: the recipe is of another version, or mistyped; this version of llm-train has no "
                f"{', no '.join(unknown)}; llm-train run --help lists all fields"
            )
        made: dict[str, Any] = {}
        for name, kind in SECTIONS.items():
            table = content.get(name, {})
            if not isinstance(table, Mapping):
                raise TrainError(f"{source}: {name} must be a table ([{name}]), was {table!r}")
            if name == "data" and "corpus" not in table:
                raise TrainError(f'{source}: data.corpus must be given: "shakespeare" or a path')
            made[name] = kind(**{key: _frozen(value) for key, value in table.items()})
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
            if path.suffix or path.name != name:
                raise TrainError(f"{name}: there is no such file; shipped recipes are named without a path or suffix")
            raise TrainError(f"there is no recipe {name!r}{suggest(name, shipped)}; shipped are {', '.join(shipped)}")
        try:
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise TrainError(f"{path}: must be a recipe in TOML, but: {error}") from None

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return all fields, section by section; a field that is still open is None."""
        return {
            name: {entry.name: getattr(getattr(self, name), entry.name) for entry in fields(kind)}
            for name, kind in SECTIONS.items()
        }

    def to_toml(self) -> str:
        """Return the recipe as TOML, with a comment for each field. A field that is still open is left out."""
        lines = [f"name = {_toml(self.name)}", f"about = {_toml(self.about)}"]
        for name, kind in SECTIONS.items():
            lines += ["", f"[{name}]"]
            for entry in fields(kind):
                value = getattr(getattr(self, name), entry.name)
                if value is not None:
                    lines.append(f"{entry.name} = {_toml(value)}".ljust(34) + f"  # {entry.metadata['about']}")
        return "\n".join(lines) + "\n"

    def with_values(self, **values: Any) -> Self:
        """Return the recipe with other values, each field by its own name: `with_values(steps=100)`.

        Given steps replace the recipe's own minutes, and given minutes its steps. None leaves a field open that may be.
        """
        given = [name for name in ("steps", "minutes") if values.get(name) is not None]
        if len(given) == 2:
            raise TrainError("steps and minutes are two ways to say how long a run is: give only one of them")
        if given:
            values = {"steps": None, "minutes": None} | values
        changed: dict[str, dict[str, Any]] = {}
        for key, value in values.items():
            if key not in SECTION_OF:
                raise TrainError(f"{key} is not a field of a recipe{_nearest(key, SECTION_OF)}")
            changed.setdefault(SECTION_OF[key], {})[key] = _frozen(value)
        tables: dict[str, Any] = {name: replace(getattr(self, name), **table) for name, table in changed.items()}
        return replace(self, **tables)

    def with_settings(self, settings: Iterable[str]) -> Self:
        """Return the recipe after `field=value` settings from a command line.

        A value is written as in TOML; text needs no quotes where it is nothing else in TOML. No value at all is the
        default of the field, whatever the recipe says: `threads=` leaves the number of threads open again.
        """
        changed: dict[str, Any] = {}
        for setting in settings:
            key, equals, text = setting.partition("=")
            section, _, short = key.strip().rpartition(".")
            if not equals:
                raise TrainError(f"--set {setting!r}: must be field=value, for example --set steps=100")
            if short not in SECTION_OF or section not in ("", SECTION_OF[short]):
                raise TrainError(
                    f"--set {setting!r}: {key.strip()} is not a field of a recipe{_nearest(short, SECTION_OF)}"
                )
            default = getattr(SECTIONS[SECTION_OF[short]], short, "")  # data.corpus has none, and refuses ""
            changed[short] = _parse(text.strip()) if text.strip() else default
        return self.with_values(**changed)


def shipped_recipes() -> dict[str, str]:
    """Return the recipes that come with this package: name to TOML."""
    found = {entry.name.removesuffix(".toml"): entry for entry in (files("llm_train") / "recipes").iterdir()}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found) if found[name].name != name}


def _unknown(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections and fields that no recipe has, each with the nearest, or the section that has it now."""
    known = ("name", "about", *SECTIONS)
    for name, table in content.items():
        if name not in known:
            yield f"{name!r}{_nearest(name, known)}"
        elif name in SECTIONS and isinstance(table, Mapping):
            for key in table:
                if SECTION_OF.get(key) != name:
                    yield f"{name}.{key}{_nearest(key, SECTION_OF)}"


def _nearest(key: str, names: Iterable[str]) -> str:
    if key in SECTION_OF:
        return f" (it is a field of [{SECTION_OF[key]}])"
    return suggest("lr" if key == "learning_rate" else key, names)


def _parse(text: str) -> Any:
    """A value as in TOML; what is not TOML is text, so that the quotes can be left out."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return _frozen(parsed["value"]) if len(parsed) == 1 else text  # of several lines the others are no value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    """A TOML value. TOML's basic strings are JSON's, so JSON writes them."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
