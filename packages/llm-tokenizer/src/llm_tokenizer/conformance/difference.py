"""Compare an answer with the golden one: where and by how much they differ.

Deviation is measured against the largest golden value of the same array: a sum of a thousand
terms is rounded at the scale of its largest terms, not at the scale of each result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import parts, several


@dataclass(frozen=True)
class Difference:
    """Where an answer differs from the golden one; `general`: it breaks what holds for every function."""

    name: str
    reason: str
    wrong: int = 0
    total: int = 0
    index: tuple[int, ...] = ()
    yours: Any = None
    golden: Any = None
    deviation: float = math.inf
    raised: bool = False
    endless: bool = False
    general: bool = False


_WANTED = {list: "a list is", str: "a text is", bytes: "bytes are"}


def compare(
    name: str,
    golden: Any,
    yours: Any,
    *,
    tolerance: float,
    scale: float = 0.0,
    each: float = math.inf,
    least: float = 0.0,
) -> Difference | None:
    """Return None where the two agree within `tolerance`; numbers other than floats, and text, must be equal.

    Of lists of arrays it is the worst of their differences, each measured by its own largest value. `each` is the
    tolerance of every number by itself, also of those that are small beside the largest. Arrays that are smaller than
    `least` are measured by it.
    """
    if several(golden):
        if not isinstance(yours, (list, tuple)):
            return Difference(name, f"a list is expected, and {type(yours).__name__} came back", general=True)
        if len(yours) != len(golden):
            return Difference(name, f"{_counted(yours)} came back, and {len(golden)} must")
        settings = {"tolerance": tolerance, "scale": scale, "each": each, "least": least}
        pairs = enumerate(zip(golden, yours, strict=True))
        found = [compare(f"{name}[{i}]", one, other, **settings) for i, (one, other) in pairs]
        return max((one for one in found if one is not None), key=lambda one: one.deviation, default=None)
    if not isinstance(golden, (np.ndarray, float)):
        return _compare_exactly(name, golden, yours)
    try:
        answer = np.asarray(yours)
        if answer.dtype == object or answer.dtype.kind in "US":
            raise TypeError
    except (TypeError, ValueError):
        return Difference(name, f"an array is expected, and {type(yours).__name__} came back", general=True)
    expected = np.asarray(golden)
    if answer.shape != expected.shape:
        return Difference(name, f"the shape is {answer.shape} and must be {expected.shape}")
    if (kind := _wrong_kind(expected, answer, yours)) is not None:
        return Difference(name, kind)
    errors = _errors(expected, answer, scale, least)
    if each < math.inf:
        small = 1e-30 * np.abs(expected).max(initial=0.0) or 1.0  # from here on a zero will do
        alone = np.abs(answer - expected) / np.maximum(np.abs(expected), small)
        errors = np.where(alone > each, np.maximum(errors, alone), errors)
    wrong = errors > tolerance
    if not wrong.any():
        return None
    # A NaN shows that something is wrong, a number also by how much: numbers are shown first.
    nan = np.isnan(answer) & wrong if answer.dtype.kind == "f" else np.zeros_like(wrong)
    shown = errors if (nan == wrong).all() else np.where(nan, -1.0, errors)
    index = tuple(int(place) for place in np.unravel_index(int(np.argmax(shown)), errors.shape))
    reason = f"nan in {int(nan.sum())} of {nan.size}" if nan.any() and shown is not errors else ""
    yours_there, golden_there = answer[index].item(), expected[index].item()
    return Difference(
        name, reason, int(wrong.sum()), errors.size, index, yours_there, golden_there, float(errors.max())
    )


def first_difference(
    goldens: dict[str, Any], yours: dict[str, Any], tolerance: float, each: float = math.inf, *, low: bool = False
) -> Difference | None:
    """Return the first difference of several answers by name.

    `low`: they may be computed in low precision, where the small ones have the noise of the largest.
    """
    group = scale_of(goldens)
    least = 1e-3 * group if low else 0.0
    for name, golden in goldens.items():
        if name not in yours:
            return Difference(name, "it did not come back")
        found = compare(name, golden, yours[name], tolerance=tolerance, scale=group, each=each, least=least)
        if found is not None:
            return found
    return None


_NUMBERS = {"b": "truth values", "f": "floating numbers", "c": "complex numbers"}
_NUMBERS |= dict.fromkeys("iu", "whole numbers")


def _wrong_kind(expected: np.ndarray[Any, Any], answer: np.ndarray[Any, Any], yours: Any) -> str | None:
    """Return which kind of numbers came where another is expected.

    A plain whole number serves as a floating one, and a list without numbers as any.
    """
    if isinstance(yours, list) and not answer.size:
        return None
    came, wanted = _NUMBERS.get(answer.dtype.kind, str(answer.dtype)), _NUMBERS[expected.dtype.kind]
    if came != wanted and not (wanted == _NUMBERS["f"] and isinstance(yours, int) and not isinstance(yours, bool)):
        return f"{came} came back and {wanted} are expected"
    stated = expected.dtype.kind in "iu" and expected.dtype != np.int64  # a width of its own, as of quantized weights
    if stated and hasattr(yours, "dtype") and answer.dtype != expected.dtype:
        return f"{answer.dtype} came back and {expected.dtype} is expected"
    return None


def deviation(golden: Any, yours: Any, scale: float = 0.0) -> float:
    """Return the largest deviation of two answers; 0 or infinity for what must be equal exactly."""
    found = compare("", golden, yours, tolerance=-1.0, scale=scale)
    return 0.0 if found is None else found.deviation


def scale_of(goldens: dict[str, Any]) -> float:
    """Return the largest value of a group of goldens: what an array of zeros is measured against."""
    largest = 0.0
    for golden in (part for value in goldens.values() for part in parts(value)):
        array = np.asarray(golden) if isinstance(golden, (np.ndarray, float)) else np.zeros(0)
        finite = np.abs(array[np.isfinite(array)]) if array.dtype.kind == "f" else np.zeros(0)
        largest = max(largest, float(finite.max(initial=0.0)))
    return largest


def _errors(
    expected: np.ndarray[Any, Any], answer: np.ndarray[Any, Any], group: float, least: float
) -> np.ndarray[Any, Any]:
    if expected.dtype.kind != "f":
        return np.where(expected == answer, -2.0, math.inf)
    answer = answer.astype(np.float64)
    finite = np.isfinite(expected)
    largest = float(np.abs(expected[finite]).max(initial=0.0))
    # An array that is zero but for rounding is measured by its neighbors, else by 1.
    scale = max(largest if largest > min(1e-9, 1e-12 * group) else group, least)
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.abs(answer - expected) / (scale or 1.0)
    same = (answer == expected) | (np.isnan(answer) & np.isnan(expected))
    return np.where(finite & np.isfinite(answer), errors, np.where(same, 0.0, math.inf))


def _compare_exactly(name: str, golden: Any, yours: Any) -> Difference | None:
    answer = _plain(yours)
    kind = next((kind for kind in _WANTED if isinstance(golden, kind)), None)
    if kind is not None and not isinstance(answer, kind):
        return Difference(name, f"{_WANTED[kind]} expected, and {type(yours).__name__} came back", general=True)
    if answer == golden:
        return next((Difference(name, reason) for reason in _other_kinds(golden, answer)), None)
    if isinstance(golden, list) and isinstance(answer, list):
        reason = ""
        if len(golden) != len(answer):
            came, expected = _counted(answer), "1 is" if len(golden) == 1 else f"{len(golden)} are"
            reason = f"{came} came back and {expected} expected"
        wrong = [place for place, (left, right) in enumerate(zip(golden, answer, strict=False)) if left != right]
        if not wrong:  # all that came back is right, but it is too short or too long
            return Difference(name, reason)
        return Difference(name, reason, len(wrong), len(golden), (wrong[0],), answer[wrong[0]], golden[wrong[0]])
    return Difference(name, "", 1, 1, (), answer, golden)


def _other_kinds(golden: Any, answer: Any) -> Iterator[str]:
    """Yield what of two equal values is another kind of number: to Python True, 1 and 1.0 are equal."""
    if isinstance(golden, list):
        for one, other in zip(golden, answer, strict=True):
            yield from _other_kinds(one, other)
    elif isinstance(golden, int) and (
        not isinstance(answer, int) or isinstance(golden, bool) != isinstance(answer, bool)
    ):
        yield f"{_kind(answer)} came back and {_kind(golden)} are expected"


def _kind(value: Any) -> str:
    return _NUMBERS.get(np.asarray(value).dtype.kind, type(value).__name__)


def _counted(items: Sized) -> str:
    return f"{len(items)} item" + ("" if len(items) == 1 else "s")


def _plain(value: Any) -> Any:
    """Return tuples as lists, NumPy scalars and arrays as Python numbers."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
