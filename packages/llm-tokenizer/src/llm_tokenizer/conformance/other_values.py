"""Other values of the same kind and shape as those of a case.

They serve twice: as a call before the case, which shows what a function remembers of it; and as a case of its own with
an answer of the reference, which is in no file.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import several
from llm_tokenizer.conformance.case import Case


def other_inputs(case: Case, generator: random.Random) -> dict[str, Any]:
    """Return other values of the same shapes, within the range of the old ones; a contract need not allow them."""
    return {name: _other(value, generator) for name, value in case.inputs.items()}


def near_inputs(case: Case) -> list[dict[str, Any]]:
    """Return inputs that a memory may take for those of the case: one argument at a time, or all together.

    They have the same values in another order, and so the same sum, the same ends, or the same beginning.
    """
    near = {name: _near(value) for name, value in case.inputs.items()}
    if case.kind == "by hand":
        return [case.inputs | {name: x} for name, values in near.items() for x in values]
    most = max(map(len, near.values()), default=0)
    return [{name: (values[i:] or [case.inputs[name]])[0] for name, values in near.items()} for i in range(most)]


def _near(value: Any) -> list[Any]:
    """Return values that are nearly this one. Which of them fit, only the contract knows."""
    if type(value) is int:
        return [value + 1, value + 2, 2 * value]
    if type(value) is float:
        return [value / 8, value * 8]
    if several(value):
        return [list(items) for items in zip(*map(_near, value), strict=False)]
    flat = value.reshape(-1) if isinstance(value, np.ndarray) else value
    if not isinstance(flat, (np.ndarray, list, str, bytes)) or len(flat) == 0:
        return []
    if isinstance(value, list) and _is_pair(value[0]):  # merges: in another order they form a circle
        return [[*value[:-1], [0, 1]], [[0, 1], *value[1:]]]
    found = [flat] if isinstance(value, np.ndarray) and value.ndim > 1 else []
    if isinstance(value, list):
        found = [[item[::-1] for item in value]] if isinstance(value[0], (str, bytes)) else []
        found += [[*value[:-1], 10**6]] if type(value[0]) is int else []
    first, *middle, last = (0, *range(1, len(flat) - 1), len(flat) - 1)
    orders = [[last, *middle[::-1], first], [first, *middle[1:2], *middle[:1], *middle[2:], last]]
    orders += [[first, *middle, first], [last, *middle, last]]
    return found + [_in_order(value, flat, order) for order in orders if len(flat) > 1]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and [type(item) for item in value] == [int, int]


def _in_order(value: Any, flat: Any, order: list[int]) -> Any:
    if isinstance(value, np.ndarray):
        return flat[order].reshape(value.shape)
    items = [flat[place] for place in order]
    return "".join(items) if isinstance(value, str) else bytes(items) if isinstance(value, bytes) else items


def _other(value: Any, generator: random.Random) -> Any:
    if isinstance(value, np.ndarray):
        return _other_array(value, generator)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(value - 1, 0)
    if isinstance(value, float):
        return value * generator.uniform(0.6, 0.9)
    if isinstance(value, str):
        return "".join(generator.sample(value, len(value)))
    if isinstance(value, bytes):
        return bytes(generator.sample(value, len(value)))
    if several(value):
        return [_other(item, generator) for item in value]
    if isinstance(value, list) and all(isinstance(item, (str, bytes, int)) for item in value):
        return generator.sample(value, len(value))
    if isinstance(value, list) and _is_pair(value[0]) and len(value) > 1:
        return [[0, 1], *value[1:]]  # merges: their order means something
    return value  # a list of messages, or a table


def _other_array(array: np.ndarray[Any, Any], generator: random.Random) -> np.ndarray[Any, Any]:
    flat = array.reshape(-1)
    order = generator.sample(range(flat.size), flat.size)
    mixed = flat[order]
    if array.dtype.kind == "f":
        finite = np.isfinite(mixed)
        low, high = (flat[np.isfinite(flat)].min(), flat[np.isfinite(flat)].max()) if finite.any() else (0.0, 0.0)
        low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
        mixed[finite] = [generator.uniform(low, high) for _ in range(int(finite.sum()))]
    return mixed.reshape(array.shape)
