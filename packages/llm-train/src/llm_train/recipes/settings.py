"""The settings of a run, one class per table of a recipe: each field with its default, its limits and its help."""

import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, get_args

from llm_tokenizer.commands.wording import suggest
from llm_train.interface import TrainError

_LIMITS: dict[str, Callable[[float, float], bool]] = {
    "at_least": operator.ge, "above": operator.gt, "at_most": operator.le, "below": operator.lt,
}  # fmt: skip


def _setting(about: str, *choices: str, **given: Any) -> Any:
    """A field with its line in `--help` and its limits."""
    limits = {word: given.pop(word) for word in _LIMITS if word in given}
    return field(metadata={"about": about, "choices": choices, "limits": limits}, **given)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table of a recipe; checks every field against its type and limits."""

    def __post_init__(self) -> None:
        section = type(self).__name__.removesuffix("Settings").lower()
        for entry in fields(self):
            check_value(f"{section}.{entry.name}", entry.type, entry.metadata, getattr(self, entry.name))


@dataclass(frozen=True, kw_only=True)
class DataSettings(Section):
    """Where the text comes from, and which part of it is for validation."""

    corpus: str = _setting('"shakespeare", or the path of a text file or of a folder of text files')
    held_out: tuple[str, ...] = _setting(
        "names of the plays or files for validation; empty: about the last tenth of the text", default=()
    )


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings(Section):
    """The byte-level BPE tokenizer that is trained on the training text."""

    vocab_size: int = _setting("vocabulary size, special tokens included", at_least=257, default=2048)
    pattern: str = _setting("name of the split pattern", default="gpt2")


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Section):
    """The shape of the Qwen3 decoder."""

    d_model: int = _setting("width of the residual stream", at_least=1, default=192)
    layers: int = _setting("transformer blocks", at_least=1, default=4)
    heads: int = _setting("query heads", at_least=1, default=3)
    kv_heads: int = _setting("key/value heads; divides heads", at_least=1, default=3)
    d_head: int = _setting("width of a head; 64 or 128 loads everywhere", at_least=2, default=64)
    d_ff: int = _setting("hidden width of the feed-forward layer", at_least=1, default=512)
    context_length: int = _setting("tokens that the model can attend to", at_least=2, default=128)
    rope_base: float = _setting("base of the rotary frequencies (rope_theta)", above=0, default=10000.0)
    tied_embeddings: bool = _setting("use the embedding table as the output head", default=False)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings(Section):
    """Which optimizer updates which weights, and its learning rates."""

    matrix_optimizer: str = _setting("for the matrices of the blocks", "muon", "adamw", "sgd", default="muon")
    other_optimizer: str = _setting("for all other weights", "adamw", "sgd", default="adamw")
    matrix_lr: float = _setting("peak learning rate of those matrices", above=0, default=0.02)
    embedding_lr: float = _setting("peak learning rate of the embedding table", above=0, default=0.1)
    head_lr: float = _setting("peak learning rate of the output head", above=0, default=0.02)
    norm_lr: float = _setting("peak learning rate of norm gains and biases", above=0, default=0.02)
    momentum: float = _setting("Muon, SGD: decay of the running gradient", at_least=0, below=1, default=0.9)
    beta1: float = _setting("AdamW: decay of the running mean gradient", at_least=0, below=1, default=0.9)
    beta2: float = _setting("AdamW: decay of the running mean square", at_least=0, below=1, default=0.95)
    eps: float = _setting("AdamW: added to the root mean square", above=0, default=1e-8)
    weight_decay: float = _setting("decay of the matrices per step, times the learning rate", at_least=0, default=0.0)
    embedding_decay: float = _setting("the same of the embedding table", at_least=0, default=0.0)
    head_decay: float = _setting("the same of the output head; gains and biases have none", at_least=0, default=0.0)
    clip: float = _setting("largest norm of all gradients together", above=0, default=1.0)


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Section):
    """How the learning rates rise and fall: a pure function of the step."""

    shape: str = _setting("curve after the warm-up", "constant", "linear", "cosine", "wsd", default="wsd")
    warmup_steps: int = _setting("steps of linear warm-up", at_least=0, default=10)
    decay: float = _setting("wsd: last fraction of the steps, in which the rate falls", above=0, at_most=1, default=0.6)
    floor: float = _setting("lowest rate at the end, as a fraction of the peak", at_least=0, at_most=1, default=0.0)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Section):
    """How much is computed, and how."""

    minutes: float | None = _setting(
        "wall time of the whole command; the number of steps is measured", above=0, default=None
    )
    steps: int | None = _setting("updates; absent: as many as fit into minutes", at_least=1, default=None)
    batch: int = _setting("windows of context_length tokens per pass", at_least=1, default=16)
    accumulate: int = _setting("passes per update", at_least=1, default=1)
    seed: int = _setting("of the initial weights and the order of the data", at_least=0, below=2**63, default=1)
    precision: str = _setting(
        "dtype of the passes; weights stay float32", "auto", "float32", "bfloat16", default="auto"
    )
    threads: int | None = _setting(
        "CPU threads that split each batch; absent: one per core, at most batch / 4", at_least=1, default=None
    )
    parts: tuple[str, ...] = _setting(
        "Python files with functions of your own in place of ours, each with @ and its hash", default=()
    )


@dataclass(frozen=True, kw_only=True)
class ReportSettings(Section):
    """Validation, sampling and checkpoint intervals."""

    validations: int = _setting("short validations during the training, evenly spread", at_least=0, default=10)
    validation_windows: int = _setting("windows of each short validation; the last reads all", at_least=1, default=64)
    samples: int = _setting("samples during the training, evenly spread", at_least=0, default=4)
    sample_tokens: int = _setting("tokens of a sample", at_least=1, default=200)
    sample_prompt: str = _setting("prompt of the samples", default="\n")
    checkpoints: int = _setting(
        "checkpoints during the training, evenly spread; the last step is always saved", at_least=0, default=3
    )
    keep: int = _setting("newest checkpoints that are kept", at_least=2, default=2)


SECTIONS: dict[str, type[Section]] = {
    "data": DataSettings, "tokenizer": TokenizerSettings, "model": ModelSettings, "optimizer": OptimizerSettings,
    "schedule": ScheduleSettings, "training": TrainingSettings, "report": ReportSettings,
}  # fmt: skip
SECTION_OF: dict[str, str] = {entry.name: name for name, kind in SECTIONS.items() for entry in fields(kind)}
"""The section of each field. No two sections have a field of the same name, so `--set steps=100` is enough."""


def check_value(name: str, kind: Any, rules: Mapping[str, Any], value: Any) -> None:
    """Raise unless a value has its field's type, is finite and within its limits. True is not a number here."""
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
    if rules["choices"] and value not in rules["choices"]:
        raise TrainError(
            f"{name} must be one of {', '.join(rules['choices'])}, was {value!r}{suggest(value, rules['choices'])}"
        )
    if float in types and not abs(value) <= sys.float_info.max:  # nan is not either
        raise TrainError(f"{name} must be a finite number, was {value!r}")
    if not all(_LIMITS[word](value, limit) for word, limit in rules["limits"].items()):
        wanted = " and ".join(f"{word.replace('_', ' ')} {limit}" for word, limit in rules["limits"].items())
        raise TrainError(f"{name} must be {wanted}, was {value!r}")
