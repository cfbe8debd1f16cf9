"""Large cases, generated automatically for every contract: one axis made long, or one argument made wide.

A function that is right up to a size, or only within a range of values, is right in every small case. So a stored case
is repeated along each of its named axes, with other values, and each of its arguments is scaled up, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Argument, Contract
from llm_tokenizer.conformance.large import GENERATED, Generator

LONG, LONGER = 131, 1_543
"""Beyond a table or tile of 128, and of 1,024; both are prime."""
LARGEST = 3_000_000
"""How many numbers an argument may have."""
WIDE = 300.0
"""The largest value of an argument that is made wide: beyond exp(88), where float32 ends."""
WIDE_TOLERANCE = {**GENERATED, "inside": 5e-2}
"""Wide values are wider in float32, too."""


def stretched_cases(contract: Contract, stored: list[Case]) -> Iterator[Case]:
    """Yield what a stored case becomes; the reference need not take all of it."""
    usual = sorted((case for case in stored if not case.raises), key=_richness, reverse=True)
    free = [argument for argument in contract.inputs if argument.name not in contract.kept]
    for word in dict.fromkeys(word for argument in contract.inputs for word in _named(argument)):
        base = next((case for case in usual if _holds(contract, case, word)), None)
        fixed = any(word in _named(argument) for argument in contract.inputs if argument.name in contract.kept)
        for size in (LONG, LONGER):
            if base is not None and not fixed:
                inputs = {argument.name: _repeated(argument, base, word, size) for argument in contract.inputs}
                if sum(x.size for x in inputs.values() if isinstance(x, np.ndarray)) <= LARGEST:
                    yield _made(base, inputs, f"long_{word}_{size}", f"sizes beyond {size - size % 128} along {word}")
    floating = [argument.name for argument in free if _is_floating(usual[0].inputs[argument.name])]
    if len(floating) > 1:
        wide = {name: x * _widening(x) for name, x in usual[0].inputs.items() if name in floating}
        yield _made(usual[0], usual[0].inputs | wide, "wide_together", "an answer that is cut off")
    for argument in free:
        base = next((case for case in usual if _is_floating(case.inputs[argument.name])), None)
        if base is not None:
            x = base.inputs[argument.name]
            factor = _widening(x)
            wide = base.inputs | {argument.name: x * factor}
            yield _made(base, wide, f"wide_{argument.name}", f"values of {argument.name} that are cut off")
            # Once more with another argument as much smaller, for a product of both that stays what it was.
            for name, other in base.inputs.items():
                if name != argument.name and name not in contract.kept and _is_floating(other):
                    inputs = wide | {name: other / factor}
                    yield _made(base, inputs, f"wide_{argument.name}_narrow_{name}", f"a cut-off {argument.name}")


def _widening(x: np.ndarray[Any, Any]) -> float:
    return float(WIDE / np.abs(x[np.isfinite(x)]).max(initial=1e-300))


def _richness(case: Case) -> tuple[bool, int, int]:
    """Return what to prefer: ordinary values, a mask rather than none, and many values."""
    absent = sum(value is None for value in case.inputs.values())
    return case.kind == "ordinary", -absent, sum(x.size for x in case.inputs.values() if isinstance(x, np.ndarray))


def _made(base: Case, inputs: dict[str, Any], name: str, catches: str) -> Case:
    return Case(
        contract=base.contract, id=name, kind="large", clause=base.clause, catches=catches, inputs=inputs,
        tolerance=WIDE_TOLERANCE if name.startswith("wide") else GENERATED,
    )  # fmt: skip


def _named(argument: Argument) -> list[str]:
    """Return the names of the axes; a starred one, of any number of axes, comes first."""
    return [word for word in (argument.axes or "").split() if word.lstrip("*").isidentifier()]


def _is_floating(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and bool(np.isfinite(value).any())


def _holds(contract: Contract, case: Case, word: str) -> bool:
    """Return whether a case has this axis, with something in it, wherever the contract has it."""
    places = [(case.inputs[argument.name], argument) for argument in contract.inputs if word in _named(argument)]
    given = [x.shape[axis] for x, argument in places for axis in _axes(argument, x, word)]
    return bool(given) and min(given) > 0


def _axes(argument: Argument, x: Any, word: str) -> list[int]:
    """Return the axes of this name, the first one for a starred name; none where the array has fewer axes."""
    words = (argument.axes or "").split()
    ndim = x.ndim if isinstance(x, np.ndarray) else 0
    if word[0] == "*":
        return [0] if word in words and ndim >= len(words) else []
    return [place - len(words) for place, one in enumerate(words) if one == word and ndim >= len(words) - place]


def _repeated(argument: Argument, case: Case, word: str, size: int) -> Any:
    """Return the argument repeated along an axis to at least this size, with other values in each repetition."""
    x = case.inputs[argument.name]
    axes = _axes(argument, x, word)
    for axis in axes:
        x = np.concatenate([x] * -(-size // x.shape[axis]), axis=axis)
        if x.dtype.kind == "f":  # more towards the end, so that a part of the axis is not like the whole
            x = np.moveaxis(np.moveaxis(x, axis, -1) * np.linspace(0.5, 2.0, x.shape[axis]), -1, axis)
    if not axes:
        return x
    return x * Generator(size).uniform(*x.shape, low=0.5, high=1.5) if x.dtype.kind == "f" else x
