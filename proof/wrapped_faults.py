"""Faults of kinds that no change of one operator makes: put around a right function, for every argument that they fit.

Real code fails at sizes, in ranges, in dtypes and through memory that its author did not think of. Each fault here is
one of these kinds, wrapped around the reference.
"""

from __future__ import annotations

import os
import random
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import several
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.purity import snapshot

Function = Callable[..., Any]
Wrapper = Callable[[Function], Function]
FEW, MANY = 100, 1000
"""Sizes at which a table, a tile or a chunk of real code may end."""
LONG_AXES = {"position", "query_position", "key_position", "vocab"}
"""The axes that are thousands long in real models."""


def wrapped_faults(contract: Contract, cases: list[Case]) -> Iterator[tuple[str, Wrapper]]:
    """Yield each fault that fits a contract, with a sentence on it."""
    yield from _of_the_whole(contract)
    for place, argument in enumerate(contract.outputs):
        answers = [case.outputs[argument.name] for case in cases if argument.name in case.outputs]
        if argument.axes is not None and not any(map(several, answers)):
            floating = any(np.asarray(x).dtype.kind == "f" for x in answers)
            yield from _of_an_answer(place, argument.name, floating=floating)
    for place, argument in enumerate(contract.inputs):
        given = [case.inputs[argument.name] for case in cases if not case.raises]
        yield from _of_an_argument(place, argument.name, (argument.axes or "").split(), given)
    for place, (one, other) in enumerate(zip(contract.inputs, contract.inputs[1:], strict=False)):
        if one.axes is not None and one.axes == other.axes:
            yield f"{one.name} and {other.name} are exchanged", _exchanged(place)


def _of_the_whole(contract: Contract) -> Iterator[tuple[str, Wrapper]]:
    def remembers(function: Function) -> Function:
        known: dict[Any, Any] = {}
        return lambda *inputs: known.setdefault(_shapes(inputs), function(*inputs))

    def one_buffer(function: Function) -> Function:
        known: dict[Any, Any] = {}

        def call(*inputs: Any) -> Any:
            y = function(*inputs)
            if not isinstance(y, np.ndarray):
                return y
            kept = known.setdefault((y.shape, y.dtype), y)
            kept[...] = y
            return kept

        return call

    def afterwards(effect: Callable[[], Any]) -> Wrapper:
        def wrap(function: Function) -> Function:
            def call(*inputs: Any) -> Any:
                y = function(*inputs)
                effect()
                return y

            return call

        return wrap

    if contract.inputs:
        yield "an answer is remembered by the shapes of the arguments", remembers
    if len(contract.outputs) == 1 and contract.outputs[0].axes:
        yield "all answers of a shape share one buffer", one_buffer
    yield "the random numbers of Python are seeded", afterwards(lambda: random.seed(0))
    yield "the random numbers of NumPy are seeded", afterwards(lambda: np.random.seed(0))
    yield "the warnings are switched off", afterwards(lambda: warnings.simplefilter("ignore", UserWarning))
    yield "a variable of the environment is set", afterwards(lambda: os.environ.update(PLANTED="1"))
    yield "divisions by zero raise from now on", afterwards(lambda: np.seterr(divide="raise"))


def _of_an_answer(place: int, name: str, *, floating: bool) -> Iterator[tuple[str, Wrapper]]:
    def changed(change: Callable[[Any], Any]) -> Wrapper:
        def wrap(function: Function) -> Function:
            def call(*inputs: Any) -> Any:
                y = function(*inputs)
                return (*y[:place], change(y[place]), *y[place + 1 :]) if isinstance(y, tuple) else change(y)

            return call

        return wrap

    if floating:
        yield f"{name} is rounded to float16", changed(lambda y: np.asarray(y, np.float16).astype(np.float64))
    else:
        yield f"{name} is returned as floating numbers", changed(lambda y: np.asarray(y) * 1.0)


def _of_an_argument(place: int, name: str, axes: list[str], given: list[Any]) -> Iterator[tuple[str, Wrapper]]:
    def taken(change: Callable[[Any], Any]) -> Wrapper:
        return lambda function: lambda *x: function(*x[:place], change(x[place]), *x[place + 1 :])

    def spoils(change: Callable[[Any], Any]) -> Wrapper:
        def wrap(function: Function) -> Function:
            def call(*inputs: Any) -> Any:
                y = function(*inputs)
                change(inputs[place])
                return y

            return call

        return wrap

    def forgets(function: Function) -> Function:
        known: dict[Any, Any] = {}

        def call(*inputs: Any) -> Any:
            key = repr([snapshot(value) for number, value in enumerate(inputs) if number != place])
            return known.setdefault((key, _shapes(inputs)), function(*inputs))

        return call

    if any(isinstance(value, (np.ndarray, int, float)) and not isinstance(value, bool) for value in given):
        yield f"an answer is remembered by everything but {name}", forgets
    arrays = [value for value in given if isinstance(value, np.ndarray)]
    if arrays:
        yield f"{name} is changed in place", spoils(_fill)
    if any(value.ndim > 1 for value in arrays):
        yield f"{name} is read as if it lay in order", taken(lambda x: np.ravel(x, order="K").reshape(np.shape(x)))
    if any(value.dtype.kind == "f" for value in arrays):
        yield f"{name} is rounded to float16", taken(_as(np.float16))
        for bound in (10.0, 80.0):
            yield f"{name} is cut off at {bound:g}", taken(_cut_off(bound))
    if any(value.dtype.kind in "iu" for value in arrays):
        for kind in (np.int8, np.int16):
            yield f"{name} is held in {kind.__name__}", taken(_as(kind))
    if arrays:
        for axis, word in enumerate(reversed([word for word in axes if not word.startswith("*")]), start=1):
            for size in (FEW, MANY) if word in LONG_AXES else (FEW,):
                yield f"{name} is taken for zero beyond {size} along {word}", taken(_limited(-axis, size))
    if any(isinstance(value, str) and not value.isascii() for value in given):  # a text, no name of a setting
        yield f"{name} is read up to {MANY} characters", taken(lambda text: text[:MANY])
        yield f"{name} is normalized to NFC", taken(lambda text: unicodedata.normalize("NFC", text))
        yield f"{name} is normalized to NFKC", taken(lambda text: unicodedata.normalize("NFKC", text))
        yield f"{name} loses spaces at its ends", taken(lambda text: text.strip())
        yield f"{name} ends its lines with a line feed", taken(lambda text: text.replace("\r\n", "\n"))
    if len({len(value) for value in given if isinstance(value, list)}) > 1:
        yield f"{name} is changed in place", spoils(lambda items: items.append(items[0]) if items else None)
        yield f"{name} is read up to {MANY} items", taken(lambda items: items[:MANY])


def _shapes(inputs: tuple[Any, ...]) -> Any:
    return tuple(
        (type(x), np.shape(x) if isinstance(x, np.ndarray) else len(x) if hasattr(x, "__len__") else 0) for x in inputs
    )


def _fill(x: Any) -> None:
    if isinstance(x, np.ndarray):
        x[...] = 1


def _as(kind: type[np.generic]) -> Callable[[Any], Any]:
    return lambda x: None if x is None else np.asarray(x).astype(kind).astype(np.asarray(x).dtype)


def _cut_off(bound: float) -> Callable[[Any], Any]:
    return lambda x: None if x is None else np.clip(x, -bound, bound)


def _limited(axis: int, size: int) -> Callable[[Any], Any]:
    def limited(x: Any) -> Any:
        if not isinstance(x, np.ndarray) or x.ndim < -axis:
            return x
        x = np.moveaxis(x.copy(), axis, -1)
        x[..., size:] = 0
        return np.moveaxis(x, -1, axis)

    return limited


def _exchanged(place: int) -> Wrapper:
    return lambda function: lambda *x: function(*x[:place], x[place + 1], x[place], *x[place + 2 :])
