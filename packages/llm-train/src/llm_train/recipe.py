"""A recipe: every decision of a training run, in one frozen object that is written into the run folder.

A recipe is TOML with one table per section. What a recipe leaves undecided (`steps`, `threads`, `precision = "auto"`)
is decided once, at the start of the run, and the resolved recipe in the run folder holds every field.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Self, get_args

from llm_train.errors import TrainError


def _setting(about: str, *choices: str, at_least: float | None = None, above: float | None = None, **given: Any) -> Any:
    """A field with what `--help` says of it and what its value must obey."""
    return field(metadata={"about": about, "choices": choices, "at_least": at_least, "above": above}, **given)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table of a recipe; checks every field against its type and limits when it is made."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            check_value(f"{type(self).__name__.lower()}.{entry.name}", entry.type, entry.metadata, getattr(self, entry.name))


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """Where the text comes from and what of it is kept for validation."""

    corpus: str = _setting('"shakespeare", or the path of a text file or of a folder of text files')
    held_out: tuple[str, ...] = _setting("names of the plays or files that are never trained on; empty: chosen by rule", default=())


@dataclass(frozen=True, kw_only=True)
class Tokenizer(Section):
    """The byte-level BPE that is learned on the training text."""

    vocabulary: int = _setting("tokens, special ones included", at_least=257, default=2048)
    pattern: str = _setting("name of the rule that cuts text into pieces", default="gpt2")


@dataclass(frozen=True, kw_only=True)
class Model(Section):
    """The shape of the Qwen3 decoder."""

    d_model: int = _setting("width of the residual stream", at_least=1, default=192)
    layers: int = _setting("transformer blocks", at_least=1, default=4)
    heads: int = _setting("query heads", at_least=1, default=3)
    kv_heads: int = _setting("key/value heads; divides heads", at_least=1, default=3)
    d_head: int = _setting("width of a head; 64 or 128 loads everywhere", at_least=2, default=64)
    d_ff: int = _setting("width inside the feed-forward part", at_least=1, default=512)
    context: int = _setting("tokens the model sees at once", at_least=2, default=128)
    rope_base: float = _setting("slowest rotary wavelength / 2π, in tokens", above=0, default=10000.0)
    tied: bool = _setting("whether the head is the embedding table", default=False)


@dataclass(frozen=True, kw_only=True)
class Optimizer(Section):
    """Which rule moves which weights, and how far."""

    hidden: str = _setting("rule for the matrices of the blocks", "muon", "adamw", default="muon")
    hidden_rate: float = _setting("peak learning rate of those matrices", above=0, default=0.02)
    embedding_rate: float = _setting("peak AdamW rate of the embedding table", above=0, default=0.1)
    head_rate: float = _setting("peak AdamW rate of the output head", above=0, default=0.02)
    gain_rate: float = _setting("peak AdamW rate of the norm gains", above=0, default=0.02)
    momentum: float = _setting("Muon: share of the old direction that is kept", at_least=0, default=0.9)
    beta1: float = _setting("AdamW: the same for the mean gradient", at_least=0, default=0.9)
    beta2: float = _setting("AdamW: the same for the mean square", at_least=0, default=0.95)
    epsilon: float = _setting("AdamW: floor of the root mean square", above=0, default=1e-8)
    weight_decay: float = _setting("share of a matrix that a step of rate 1 takes away", at_least=0, default=0.0)
    clip: float = _setting("largest norm of all gradients together", above=0, default=1.0)


@dataclass(frozen=True, kw_only=True)
class Schedule(Section):
    """How the learning rates rise and fall: a pure function of the step."""

    shape: str = _setting("course after the warm-up", "constant", "linear", "cosine", "wsd", default="wsd")
    warmup_steps: int = _setting("steps of linear rise", at_least=0, default=10)
    decay: float = _setting("wsd: last share of the steps, in which the rate falls", above=0, default=0.6)
    floor: float = _setting("lowest rate at the end, as a share of the peak", at_least=0, default=0.0)


@dataclass(frozen=True, kw_only=True)
class Training(Section):
    """How much is computed, and how."""

    minutes: float | None = _setting("wall time of the whole command; decides steps by measuring", above=0, default=None)
    steps: int | None = _setting("updates; absent: as many as fit into minutes", at_least=1, default=None)
    batch: int = _setting("windows of context tokens per pass", at_least=1, default=16)
    accumulate: int = _setting("passes per update", at_least=1, default=1)
    seed: int = _setting("decides start values and data order", at_least=0, default=1)
    precision: str = _setting("numbers of the passes; weights stay float32", "auto", "float32", "bfloat16", default="auto")
    threads: int | None = _setting("CPU threads; absent: torch's choice", at_least=1, default=None)


@dataclass(frozen=True, kw_only=True)
class Report(Section):
    """How often the run looks up from its work."""

    validations: int = _setting("short validations on the way, evenly spread", at_least=0, default=10)
    validation_windows: int = _setting("windows of each short validation; the last one reads all", at_least=1, default=64)
    samples: int = _setting("samples written on the way, evenly spread", at_least=0, default=4)
    sample_tokens: int = _setting("tokens of a sample", at_least=1, default=200)
    sample_prompt: str = _setting("what a sample begins with", default="\n")
    checkpoints: int = _setting("checkpoints on the way, evenly spread; the last step is always saved", at_least=0, default=3)
    keep: int = _setting("newest checkpoints that are kept", at_least=2, default=2)


SECTIONS: dict[str, type[Section]] = {
    "data": Data, "tokenizer": Tokenizer, "model": Model, "optimizer": Optimizer,
    "schedule": Schedule, "training": Training, "report": Report,
}  # fmt: skip
SECTION_OF: dict[str, str] = {entry.name: name for name, kind in SECTIONS.items() for entry in fields(kind)}
"""The section of each field. No field name stands in two sections, so `--set steps=100` is enough."""


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
            raise TrainError(f"model.heads must be a multiple of kv_heads {self.model.kv_heads}, was {self.model.heads}")
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
            changed = replace(changed, **{section: replace(getattr(changed, section), **{key: value})})
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
        made = self
        for section, kind in SECTIONS.items():
            new = {key: value for key, value in changed.items() if SECTION_OF[key] == section}
            if new:
                made = replace(made, **{section: kind(**(made.to_dict()[section] | new))})
        return made


def shipped_recipes() -> dict[str, str]:
    """The recipes that come with this package: name to TOML."""
    folder = files("llm_train") / "recipes"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in sorted(found, key=lambda e: e.name)}


def check_value(name: str, kind: Any, limits: Mapping[str, Any], value: Any) -> None:
    """Raise unless a value has its field's type and keeps its limits. True is not taken for a number."""
    types = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if value is None and NoneType in types:
        return
    if tuple[str, ...] in types:
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise TrainError(f'{name} must be a list of names like ["hamlet", "macbeth"], was {value!r}')
        return
    allowed: tuple[Any, ...] = (int, float) if float in types else types
    if type(value) not in allowed:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        wanted = next(words[item] for item in types if item in words)
        raise TrainError(f"{name} must be {wanted}, was {value!r}")
    if limits["choices"] and value not in limits["choices"]:
        raise TrainError(f"{name} must be one of {', '.join(limits['choices'])}, was {value!r}{suggest(value, limits['choices'])}")
    for word, holds in (("at_least", lambda v, limit: v >= limit), ("above", lambda v, limit: v > limit)):
        if limits[word] is not None and not holds(value, limits[word]):  # also false for nan
            raise TrainError(f"{name} must be {word.replace('_', ' ')} {limits[word]}, was {value!r}")


def suggest(word: str, known: Any) -> str:
    """` (did you mean …?)` where a known name is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


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
    import json

    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
