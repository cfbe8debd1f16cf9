"""What the words after an option become: numbers, ids, the name of a model. Nothing here imports torch."""

import argparse
from collections.abc import Callable
from math import isfinite
from pathlib import Path

FOREIGN = "transformers:"
RUNS = Path("runs")  # where llm-train keeps its runs
DTYPES = {"float32": ("f32", "fp32"), "float16": ("f16", "fp16", "half"), "bfloat16": ("bf16",), "q8_0": ()}


def model_name(text: str) -> str:
    """Return the model folder or file that is meant: that of a run where a run is named."""
    name = text.removeprefix(FOREIGN)
    for place in (Path(name), Path(name) / "model", RUNS / name / "model") if name else ():
        if place.is_file() or (place / "config.json").exists():
            return text.removesuffix(name) + str(place)
    return text


def dtype_name(text: str) -> str:
    """Return the name of a dtype in torch's words, or q8_0."""
    for name, others in DTYPES.items():
        if text.lower() in (name, *others):
            return name
    raise argparse.ArgumentTypeError(f"must be one of {', '.join(DTYPES)}, but was {text!r}")


def ids_from(text: str) -> list[int]:
    """Read "5,17,3"."""
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"must be whole numbers with commas between, as 5,17,3, but was {text!r}")
    return [int(part) for part in parts]


def whole(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, but was {text!r}")
        return int(text)

    return read


def above_zero(text: str) -> float:
    """Read a finite number above 0."""
    return _number(text, lambda number: number > 0, "above 0")


def at_least_zero(text: str) -> float:
    """Read a finite number of at least 0."""
    return _number(text, lambda number: number >= 0, "of at least 0")


def lower(text: str) -> str:
    """Read a choice in any case."""
    return text.lower()


def _number(text: str, fits: Callable[[float], bool], must: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not isfinite(number) or not fits(number):
        raise argparse.ArgumentTypeError(f"must be a number {must}, but was {text!r}")
    return number
