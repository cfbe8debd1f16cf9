"""What an implementation answers to a case, by the names of the contract."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import MIXED, Arrays
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.other_values import near_inputs, other_inputs
from llm_tokenizer.conformance.purity import (
    SECONDS,
    ImpureError,
    call,
    disturbed_generator,
    put,
    quietly,
    shared_arguments,
    unchanged,
)

ORDINARY: Any = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
"""How NumPy treats errors when nobody has changed it; the warnings themselves are not shown."""


def answers(
    contract: Contract,
    case: Case,
    implementation: Implementation,
    aspect: str,
    dtype: str,
    *,
    layout: str = "",
    seconds: float = SECONDS,
    sharing: list[str] | None = None,
    again: bool = False,
) -> dict[str, Any] | None:
    """Return an implementation's outputs or gradients by name; None where they are not written yet.

    `sharing` takes the names of the arguments that an output shares memory with, and may not. `again`: the function has
    had the same objects before, with other values in them.

    Raises:
        ImpureError: The call did what no function of a specification may do.
    """
    function, arrays = _function(contract, implementation), implementation.arrays
    names, outputs = ([argument.name for argument in group] for group in (contract.inputs, contract.outputs))
    give = partial(_given, arrays, dtype, layout or case.layout)
    inputs = give(case.inputs, names)
    with _ordinary_warnings():
        if aspect == "forward":
            if again:
                changed = {name: x for name, x in other_inputs(case, random.Random(1)).items() if hasattr(x, "__len__")}
                others = give(case.inputs | changed, names)
                with unchanged():
                    quietly(function, *others, seconds=seconds)
                inputs = [put(other, value) for other, value in zip(others, inputs, strict=True)]
            values = call(function, inputs, names, seconds)
            if contract.typed_as:
                _check_number_type(values, contract.typed_as, inputs[names.index(contract.typed_as)])
            found = _by_name(outputs, values, arrays.take)
            if sharing is not None and not contract.views:
                sharing += shared_arguments(values, inputs, names, arrays)
            return found
        # The upstream gradient of an output that a case leaves out is zero: None tells `gradients` so.
        upstream = give(case.upstream, outputs)
        backward = implementation.find(contract.backward_name)
        if backward is not None:
            if case.kind == "by hand":
                with unchanged():  # the last forward call need not be that of this case
                    quietly(function, *give(other_inputs(case, random.Random(0)), names), seconds=seconds)
            every = [f"d{name}" for name in outputs] + names
            return _by_name(list(contract.gradients), call(backward, upstream + inputs, every, seconds), arrays.take)
        if not arrays.differentiates:
            return None
        places = [names.index(name) for name in contract.gradients]
        gradients = call(lambda *given: arrays.gradients(function, [*given], places, upstream), inputs, names, seconds)
        return _by_name(list(contract.gradients), tuple(gradients), arrays.take)


def call_with_others(
    contract: Contract, case: Case, implementation: Implementation, dtype: str, seconds: float
) -> Iterator[None]:
    """Let a function see other values of the same shapes, call by call, for what it may remember.

    First others, then nearly those of the case, and last those of the case, of which a caller changes the answer. The
    first call that does not come back ends this: others would wait as long.
    """
    function, names = _function(contract, implementation), [argument.name for argument in contract.inputs]
    others = other_inputs(case, random.Random(0))
    settings = [name for name, x in others.items() if case.kind == "by hand" or type(x) is float]
    alone = [case.inputs | {name: others[name]} for name in settings]
    with unchanged():
        for inputs in (others, *alone, *near_inputs(case), others, case.inputs):
            with _ordinary_warnings():
                given = _given(implementation.arrays, dtype, case.layout, inputs, names)
                if not quietly(function, *given, seconds=seconds):
                    return
            yield


def disturbed_by(contract: Contract, case: Case, implementation: Implementation, dtype: str, seconds: float) -> str:
    """Return whose random numbers a function draws or seeds, and may not; empty for none."""
    names = [argument.name for argument in contract.inputs]
    twice = [_given(implementation.arrays, dtype, case.layout, case.inputs, names) for _ in range(2)]
    with _ordinary_warnings():
        return disturbed_generator(_function(contract, implementation), twice, seconds)


def _function(contract: Contract, implementation: Implementation) -> Callable[..., Any]:
    function = implementation.find(contract.name)
    assert function is not None, "asked only where the function is written"
    return function


def _given(arrays: Arrays, dtype: str, layout: str, values: dict[str, Any], names: list[str]) -> list[Any]:
    """Return the values of these names as an implementation wants them, None for those that are missing."""
    layouts = cycle(("transposed", "contiguous") if layout == MIXED else (layout,))
    precision = "float64" if dtype == "exact" else dtype
    given: dict[int, Any] = {}  # one object under two names stays one
    for name, one in zip(names, layouts, strict=False):
        value = values.get(name)
        if id(value) not in given:
            given[id(value)] = arrays.give(value, precision, one)
    return [given[id(values.get(name))] for name in names]


@contextlib.contextmanager
def _ordinary_warnings() -> Iterator[None]:
    with np.errstate(**ORDINARY), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*")  # another filter than that of who ignores all warnings
        yield


def _check_number_type(answer: Any, name: str, argument: Any) -> None:
    came, wanted = getattr(answer, "dtype", None), getattr(argument, "dtype", None)
    if came is not None and wanted is not None and came != wanted:
        raise ImpureError(f"it returned {came} and must return {wanted}, the number type of {name}")


def _by_name(names: list[str], values: Any, take: Callable[[Any], Any]) -> dict[str, Any]:
    if len(names) == 1:
        # `return y,` gives a tuple of one; a tuple of one id is the answer itself.
        wrapped = isinstance(values, tuple) and len(values) == 1 and hasattr(values[0], "shape")
        return {names[0]: take(values[0] if wrapped else values)}
    if not isinstance(values, (tuple, list)) or len(values) != len(names):
        raise TypeError(f"{len(names)} values must come back, in this order: {', '.join(names)}")
    return {name: take(value) for name, value in zip(names, values, strict=True)}
