"""The settings of a run, table by table: each field with its default, its limits, and what `--help` says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, get_args

from llm_train.interface import TrainError, suggest


def _setting(about: str, *choices: str, at_least: float | None = None, above: float | None = None, **given: Any) -> Any:
    """A field with what `--help` says of it and what its value must obey."""
    return field(metadata={"about": about, "choices": choices, "at_least": at_least, "above": above}, **given)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table of a recipe; checks every field against its type and limits when it is made."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            check_value(
                f"{type(self).__name__.lower()}.{entry.name}", entry.type, entry.metadata, getattr(self, entry.name)
            )


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """Where the text comes from and what of it is kept for validation."""

    corpus: str = _setting('"shakespeare", or the path of a text file or of a folder of text files')
    held_out: tuple[str, ...] = _setting(
        "names of the plays or files that are never trained on; empty: chosen by rule", default=()
    )


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

    minutes: float | None = _setting(
        "wall time of the whole command; decides steps by measuring", above=0, default=None
    )
    steps: int | None = _setting("updates; absent: as many as fit into minutes", at_least=1, default=None)
    batch: int = _setting("windows of context tokens per pass", at_least=1, default=16)
    accumulate: int = _setting("passes per update", at_least=1, default=1)
    seed: int = _setting("decides start values and data order", at_least=0, default=1)
    precision: str = _setting(
        "numbers of the passes; weights stay float32", "auto", "float32", "bfloat16", default="auto"
    )
    threads: int | None = _setting(
        "CPU threads, each with a share of the batch; absent: one per core", at_least=1, default=None
    )


@dataclass(frozen=True, kw_only=True)
class Report(Section):
    """How often the run looks up from its work."""

    validations: int = _setting("short validations on the way, evenly spread", at_least=0, default=10)
    validation_windows: int = _setting(
        "windows of each short validation; the last one reads all", at_least=1, default=64
    )
    samples: int = _setting("samples written on the way, evenly spread", at_least=0, default=4)
    sample_tokens: int = _setting("tokens of a sample", at_least=1, default=200)
    sample_prompt: str = _setting("what a sample begins with", default="\n")
    checkpoints: int = _setting(
        "checkpoints on the way, evenly spread; the last step is always saved", at_least=0, default=3
    )
    keep: int = _setting("newest checkpoints that are kept", at_least=2, default=2)


SECTIONS: dict[str, type[Section]] = {
    "data": Data, "tokenizer": Tokenizer, "model": Model, "optimizer": Optimizer,
    "schedule": Schedule, "training": Training, "report": Report,
}  # fmt: skip
SECTION_OF: dict[str, str] = {entry.name: name for name, kind in SECTIONS.items() for entry in fields(kind)}
"""The section of each field. No field name stands in two sections, so `--set steps=100` is enough."""


_LIMITS: dict[str, Callable[[float, float], bool]] = {
    "at_least": lambda value, limit: value >= limit,
    "above": lambda value, limit: value > limit,
}


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
        raise TrainError(
            f"{name} must be one of {', '.join(limits['choices'])}, was {value!r}{suggest(value, limits['choices'])}"
        )
    for word, holds in _LIMITS.items():
        if limits[word] is not None and not holds(value, limits[word]):  # so that nan is refused too
            raise TrainError(f"{name} must be {word.replace('_', ' ')} {limits[word]}, was {value!r}")
