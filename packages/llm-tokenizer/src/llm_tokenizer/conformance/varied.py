"""Small cases, generated automatically for every contract: stored ones with one thing changed.

Code is often right for the usual and wrong beside it: where a setting is 0 or 1, an axis has one item or all axes are
equally long, numbers are tiny or of very different sizes, positions are not sorted, two arguments are one object. So
each argument of a stored case is changed in each of these ways, one at a time. The answers are those of the reference.
Some of the values a contract does not allow: whoever refuses them passes. Leading axes may be any: nobody refuses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np

from llm_tokenizer.conformance.arrays import several
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Argument, Contract
from llm_tokenizer.conformance.large import GENERATED, Generator

TINY = 1e-9
EQUAL = 4
"""How long all axes are where they are equally long."""


def varied_cases(contract: Contract, stored: list[Case]) -> Iterator[Case]:
    """Yield what becomes of the stored case with the most values; the reference need not take all of it."""
    free = [argument for argument in contract.inputs if argument.name not in contract.kept]
    base = _richest(stored, free)
    optional = [x.name for x in free if any(case.inputs[x.name] is None and not case.raises for case in stored)]
    bases = {"": base} | ({"_alone": _without(base, optional)} if optional else {})
    yield from _one_at_a_time(stored, bases, free)
    for name in optional:
        yield _made(base, base.inputs | {name: None}, f"no_{name}", "what an earlier call left")
    yield from _near_zero(base, free)
    words = dict.fromkeys(word for argument in contract.inputs for word in (argument.axes or "").split())
    joined = {axis for word in words if word[0] != "*" for axis in word.split("*") if axis != word}
    axes = [word for word in words if word.lstrip("*").isidentifier() and word not in joined]
    yield from _other_axes(contract, bases, axes)
    inputs = {x.name: _resized(x, base.inputs[x.name], axes, EQUAL) for x in contract.inputs}
    yield _made(base, inputs, "equal_axes", "axes that are mistaken for each other when they are equally long")
    equal = replace(base, inputs=inputs)
    yield from _identities({"": equal} | ({"_alone": _without(equal, optional)} if optional else {}), free)
    yield from _two_at_a_time(equal, free)


def _one_at_a_time(stored: list[Case], bases: dict[str, Case], free: list[Argument]) -> Iterator[Case]:
    """Yield a case for each special value of each argument: of the stored case in which that one has most values."""
    for argument in free:
        for word, one in (bases | {"": _richest(stored, [argument])}).items():
            for value_word, value in _variations(one.inputs[argument.name]):
                inputs, name = one.inputs | {argument.name: value}, f"{value_word}_{argument.name}{word}"
                yield _made(one, inputs, name, f"a special case of {argument.name}")


def _near_zero(base: Case, free: list[Argument]) -> Iterator[Case]:
    """Yield cases with small numbers, and settings such as an epsilon that are smaller still."""
    floors = {x.name: y * TINY for x in free if isinstance(y := base.inputs[x.name], float) and y <= 1e-2}
    for argument in free if floors else ():
        if _is_floating(x := base.inputs[argument.name]):
            inputs = base.inputs | floors | {argument.name: x * 1e-6}
            yield _made(base, inputs, f"small_{argument.name}", "a floor below which numbers count as zero")


def _other_axes(contract: Contract, bases: dict[str, Case], axes: list[str]) -> Iterator[Case]:
    """Yield cases with each axis of length one, and with other numbers of leading axes."""
    for axis, (word, one) in product(axes, bases.items()):
        inputs = {x.name: _resized(x, one.inputs[x.name], [axis], 1) for x in contract.inputs}
        name = f"one_{axis.lstrip('*')}{word}"
        yield _made(one, inputs, name, f"an axis {axis} of length one, dropped or broadcast")
        if masks := {mask: np.zeros_like(x) for mask, x in inputs.items() if _is_mask(x)}:
            yield _made(one, inputs | masks, f"{name}_masked", "a single item that no mask hides")
    for axis in (axis for axis in axes if axis[0] == "*"):
        for word, change in (("no", _shallower), ("more", _deeper), ("empty", _emptied)):
            inputs = {x.name: change(x, bases[""].inputs[x.name], axis) for x in contract.inputs}
            made = _made(bases[""], inputs, f"{word}_{axis[1:]}_axes", f"a certain number of axes {axis}, or of items")
            yield replace(made, kind="large")


def _identities(bases: dict[str, Case], free: list[Argument]) -> Iterator[Case]:
    """Yield a case for each square matrix that can be the identity; all axes of the bases are equally long."""
    for argument, (word, one) in product(free, bases.items()):
        if _is_floating(x := one.inputs[argument.name]) and x.shape == (EQUAL, EQUAL):
            inputs = one.inputs | {argument.name: np.eye(EQUAL)}
            yield _made(one, inputs, f"identity_{argument.name}{word}", "an argument that is returned")


def _two_at_a_time(base: Case, free: list[Argument]) -> Iterator[Case]:
    """Yield a case in which two arguments are equal, for each two that can be, and those of wide settings.

    All axes of the base are equally long.
    """
    names = [argument.name for argument in free]
    for one, other in combinations(names, 2):
        x, y = base.inputs[one], base.inputs[other]
        alike = _is_floating(x) and _is_floating(y) and x.shape == y.shape and x.ndim > 1
        if alike or type(x) is type(y) is float:
            yield _made(base, base.inputs | {other: x}, f"{other}_is_{one}", "two arguments that may be one object")
    arrays = {name: base.inputs[name] * 1e3 for name in names if _is_floating(base.inputs[name])}
    for name in names:
        if type(x := base.inputs[name]) is float:
            yield _made(base, base.inputs | arrays | {name: x * 1e3}, f"wide_with_{name}", f"a limit of {name}")
    for name in names:
        if several(x := base.inputs[name]):  # lists of one length belong together, entry by entry
            lists = {key: y for key, y in base.inputs.items() if isinstance(y, list) and len(y) == len(x)}
            longer = {key: [*y, y[-1]] for key, y in lists.items()}
            yield _made(base, base.inputs | longer, f"twice_in_{name}", "an array that is counted once")


def _richest(stored: list[Case], arguments: list[Argument]) -> Case:
    """Return the stored case, no edge case if possible, in which the arguments have the most values."""

    def values(case: Case) -> tuple[bool, int, int]:
        size = sum(np.size(x) for x in (case.inputs[one.name] for one in arguments) if isinstance(x, np.ndarray))
        return case.kind != "edge", -_absent(case), size

    return max((case for case in stored if not case.raises), key=values)


def _without(base: Case, optional: list[str]) -> Case:
    return replace(base, inputs=base.inputs | dict.fromkeys(optional))


def _absent(case: Case) -> int:
    return sum(value is None for value in case.inputs.values())


def _made(base: Case, inputs: dict[str, Any], name: str, catches: str) -> Case:
    return Case(
        contract=base.contract, id=name, kind="varied", clause=base.clause, catches=catches, inputs=inputs,
        tolerance=GENERATED,
    )  # fmt: skip


def _variations(x: Any) -> Iterator[tuple[str, Any]]:
    """Yield the special values that one argument may have, each with a word for it."""
    if type(x) is float:
        yield from {"zero": 0.0, "one": 1.0, "tiny": x * TINY}.items()
        yield from {"less_of": x * 0.2373, "more_of": x * 2.137, "thousand_times": x * 1e3}.items()
    elif type(x) is int:
        yield from {"zero": 0, "one": 1, "two": 2}.items()
    elif _is_floating(x):
        numbers = Generator(x.size)
        yield from {"zero": 0 * x, "one": np.ones_like(x), "tiny": x * TINY}.items()
        if x.ndim:
            rows = 10.0 ** numbers.uniform(*x.shape[:-1], 1, low=-3.0, high=3.0)
            fraction, power = np.frexp(x[..., :1])
            first = np.ldexp(np.round(fraction * 64) / 64, power)  # few digits: the mean of equal numbers is exact
            yield from {"uneven": x * rows, "equal": np.broadcast_to(first, x.shape).copy()}.items()
            alike = x.copy()
            alike[..., [x.shape[-1] // 2, -1]] = x[..., :1]
            yield "ends_alike", alike
    elif isinstance(x, np.ndarray) and x.dtype.kind in "iu" and x.size > 1:
        flat = x.reshape(-1)
        orders = {"reversed": flat[::-1], "repeated": flat[[0, *range(x.size - 1)]], "later": flat + flat.max()}
        orders |= {"ends_equal": flat[[*range(x.size - 1), 0]]}
        orders |= {"start_equal": np.append(flat[[0, *range(x.size - 2)]], flat[-1])}
        yield from ((word, order.reshape(x.shape).astype(x.dtype)) for word, order in orders.items())
    elif _is_mask(x):
        yield from {"all_true": np.ones_like(x), "all_false": np.zeros_like(x), "opposite": ~x}.items()
        if x.ndim > 1:
            back = np.arange(x.shape[-2])[:, None] - np.arange(x.shape[-1])
            band = (back == 0) | (back == 1)
            yield "band", np.broadcast_to(band, x.shape).copy()


def _is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > 0 and bool(np.isfinite(x).all())


def _is_mask(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "b"


def _shallower(argument: Argument, x: Any, word: str) -> Any:
    """Return the argument without the axes of the starred word."""
    every = (argument.axes or "").split()
    if not isinstance(x, np.ndarray) or word not in every:
        return x
    surplus = x.ndim - (len(every) - 1)
    return np.asarray(x[(0,) * surplus]) if surplus > 0 else x


def _deeper(argument: Argument, x: Any, word: str) -> Any:
    """Return the argument with two more leading axes, of lengths two and three, where it has the starred word."""
    if not isinstance(x, np.ndarray) or word not in (argument.axes or "").split():
        return x
    deeper = np.broadcast_to(x, (2, 3, *x.shape)).copy()
    if x.dtype.kind == "f":  # no two alike
        deeper *= np.linspace(0.5, 1.0, 6).reshape(2, 3, *[1] * x.ndim)
    return deeper


def _emptied(argument: Argument, x: Any, word: str) -> Any:
    """Return the argument with nothing along its first axis, where that is one of the starred word."""
    every = (argument.axes or "").split()
    return x[:0] if isinstance(x, np.ndarray) and word in every and x.ndim > len(every) - 1 else x


def _resized(argument: Argument, x: Any, words: list[str], size: int) -> Any:
    """Return the argument with these axes cut or repeated to a size; of a starred word it is the first axis."""
    every = (argument.axes or "").split()
    least = sum(word[0].isalpha() for word in every)
    if not isinstance(x, np.ndarray) or x.ndim < least:
        return x
    places = [(word, place if word[0] == "*" else place - len(every)) for place, word in enumerate(every)]
    for axis in (axis for word, axis in places if word in words and (axis < 0 or x.ndim > least)):
        if x.shape[axis]:
            x = np.take(x, np.arange(size) % x.shape[axis], axis=axis)
    return x
