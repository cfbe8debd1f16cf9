"""A field of a recipe: its type, its limits, its line in `--help`; and the table that holds fields."""

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
LARGEST = 10**9
"""Of a number that says nothing else: more steps, layers or tokens in a row are a slip of the keyboard."""


def setting(about: str, *choices: str, **given: Any) -> Any:
    """A field with its line in `--help` and its limits; a number has an upper one, its own or `LARGEST`."""
    limits = {word: given.pop(word) for word in _LIMITS if word in given}
    if limits and not limits.keys() & {"at_most", "below"}:
        limits["at_most"] = LARGEST
    return field(metadata={"about": about, "choices": choices, "limits": limits}, **given)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table of a recipe; checks every field against its type and limits."""

    def __post_init__(self) -> None:
        section = type(self).__name__.removesuffix("Settings").lower()
        for entry in fields(self):
            check_value(f"{section}.{entry.name}", entry.type, entry.metadata, getattr(self, entry.name))


def check_value(name: str, kind: Any, rules: Mapping[str, Any], value: Any) -> None:
    """Raise unless a value has its field's type, is finite and within its limits. True is not a number here."""
    if kind == tuple[float, ...]:
        if not isinstance(value, tuple):
            raise TrainError(f"{name} must be a list of numbers like [0.25, 0.5], was {value!r}")
        for place, item in enumerate(value):
            check_value(f"{name}[{place}]", float, rules, item)
        return
    types = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if value is None and NoneType in types:
        return
    if tuple[str, ...] in types and not (str in types and isinstance(value, str)):
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise TrainError(f'{name} must be a list of names like ["one", "two"], was {value!r}')
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
