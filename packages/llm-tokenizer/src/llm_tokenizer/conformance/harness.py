"""Check an implementation: hand it each case, take its answer, compare with the golden one.

Contracts that build on each other are fed goldens, not each other's answers: one mistake, one red line.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.difference import Difference, compare, scale_of
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.specification import Alternative, Specification
from llm_tokenizer.conformance.their_code import place_in_theirs

PASS, DIFFERS, UNWRITTEN, PARTLY = "pass", "differs", "not written yet", "no gradient yet"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one case showed in one precision: `aspect` is "forward" or "gradient"."""

    contract: str
    case: Case
    aspect: str
    dtype: str
    status: str
    difference: Difference | None = None
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a contract's cases showed together."""

    contract: Contract
    outcomes: list[Outcome]
    recognised: Alternative | None = None

    @property
    def status(self) -> str:
        """The status of the contract."""
        found = {outcome.status for outcome in self.outcomes}
        if DIFFERS in found:
            return DIFFERS
        if found == {UNWRITTEN}:
            return UNWRITTEN
        return PARTLY if UNWRITTEN in found else PASS

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes that differ."""
        return [outcome for outcome in self.outcomes if outcome.status == DIFFERS]


@dataclass(frozen=True)
class Result:
    """All verdicts on one implementation."""

    specification: Specification
    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def count(self, *statuses: str) -> int:
        """Count the contracts that have one of the statuses."""
        return sum(verdict.status in statuses for verdict in self.verdicts)

    @property
    def failed(self) -> bool:
        """Whether any contract differs."""
        return self.count(DIFFERS) > 0


def check_implementation(specification: Specification, implementation: Implementation, keyword: str = "") -> Result:
    """Check every contract whose id contains `keyword`; recognize slips where values differ."""
    result = Result(specification, implementation.name)
    for contract in specification.contracts:
        if keyword in contract.id:
            cases = specification.cases[contract.id]
            outcomes = try_contract(contract, cases, implementation)
            verdict = Verdict(contract, outcomes)
            if verdict.failures:
                verdict = Verdict(contract, outcomes, recognise(specification, contract, cases, implementation))
            result.verdicts.append(verdict)
    wanted = [verdict.contract.name for verdict in result.verdicts if verdict.status == UNWRITTEN]
    gradients = [verdict.contract.backward_name for verdict in result.verdicts if verdict.status == PARTLY]
    known = {name for contract in specification.contracts for name in (contract.name, contract.backward_name)}
    result.hints.extend(implementation.hints(wanted + gradients, known))
    return result


def try_contract(contract: Contract, cases: Iterable[Case], implementation: Implementation) -> list[Outcome]:
    """Check all cases of one contract."""
    outcomes: list[Outcome] = []
    for case in cases:
        outcomes += try_case(contract, case, implementation)
    return outcomes


def try_case(contract: Contract, case: Case, implementation: Implementation) -> list[Outcome]:
    """Check one case: forward and, where it is pinned, gradient, in every precision that both sides know."""
    function = implementation.find(contract.name)
    dtypes = [name for name in implementation.arrays.dtypes if name in case.tolerance] if case.has_floats else ["exact"]
    dtypes = dtypes or ["float64"]
    if function is None:
        return [Outcome(contract=contract.id, case=case, aspect="forward", dtype=dtypes[0], status=UNWRITTEN)]
    outcomes = []
    for dtype in dtypes:
        outcomes.append(_judge(contract, case, implementation, "forward", dtype))
        if case.gradients:
            outcomes.append(_judge(contract, case, implementation, "gradient", dtype))
    return outcomes


def answers(
    contract: Contract, case: Case, implementation: Implementation, aspect: str, dtype: str
) -> dict[str, Any] | None:
    """Return an implementation's outputs or gradients by name; None where they are not written yet."""
    function = implementation.find(contract.name)
    arrays = implementation.arrays
    precision = "float64" if dtype == "exact" else dtype

    def give(value: Any) -> Any:
        return arrays.give(value, precision, case.layout)

    assert function is not None, "asked only where the function is written"
    inputs = [give(case.inputs[argument.name]) for argument in contract.inputs]
    if aspect == "forward":
        names = [argument.name for argument in contract.outputs]
        return _by_name(names, function(*inputs), arrays.take)
    # The upstream gradient of an output that a case leaves out is zero: None tells `gradients` so.
    upstream = [give(case.upstream.get(argument.name)) for argument in contract.outputs]
    backward = implementation.find(contract.backward_name)
    if backward is not None:
        return _by_name(list(contract.gradients), backward(*upstream, *inputs), arrays.take)
    if not arrays.differentiates:
        return None
    order = [argument.name for argument in contract.inputs]
    found = arrays.gradients(function, inputs, [order.index(name) for name in contract.gradients], upstream)
    return _by_name(list(contract.gradients), tuple(found), arrays.take)


def _judge(contract: Contract, case: Case, implementation: Implementation, aspect: str, dtype: str) -> Outcome:
    def outcome(status: str, difference: Difference | None = None, note: str = "") -> Outcome:
        return Outcome(
            contract=contract.id, case=case, aspect=aspect, dtype=dtype, status=status, difference=difference, note=note
        )

    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yours = answers(contract, case, implementation, aspect, dtype)
    except (Exception, SystemExit) as error:  # other people's code may raise anything, and that is an answer too
        if case.raises and case.raises in {kind.__name__ for kind in type(error).__mro__}:
            return outcome(PASS)
        place = place_in_theirs(error)
        words = "" if error.args in ((), (None,)) else f": {error}"  # exit() has no words of its own
        reason = f"it raised {type(error).__name__}{f' in {place}' if place else ''}{words}"
        if "numpy.ndarray" in reason or "argument 'keepdim'" in reason:  # NumPy says keepdims
            reason += ' (does it want torch tensors? Then write SPEC_ARRAYS = "torch" in your module)'
        return outcome(DIFFERS, Difference(aspect, reason, raised=True))
    if yours is None:
        return outcome(UNWRITTEN)
    if case.raises:
        return outcome(DIFFERS, Difference(aspect, f"it must raise {case.raises}, and it returned"))
    goldens = case.outputs if aspect == "forward" else case.gradients
    difference = _first_difference(goldens, yours, case.tolerance.get(dtype, 1e-12))
    if difference is not None and dtype in ("float64", "exact") and "float32" in case.tolerance:
        if _first_difference(goldens, yours, case.tolerance["float32"]) is None:
            return outcome(PASS, note="it computes in float32 inside")
    return outcome(DIFFERS if difference else PASS, difference)


def _first_difference(goldens: dict[str, Any], yours: dict[str, Any], tolerance: float) -> Difference | None:
    group = scale_of(goldens)
    for name, golden in goldens.items():
        if name not in yours:
            return Difference(name, "it did not come back")
        found = compare(name, golden, yours[name], tolerance=tolerance, scale=group)
        if found is not None:
            return found
    return None


def _by_name(names: list[str], values: Any, take: Callable[[Any], Any]) -> dict[str, Any]:
    if len(names) == 1:
        # `return y,` gives a tuple of one; a tuple of one id is the answer itself.
        wrapped = isinstance(values, tuple) and len(values) == 1 and hasattr(values[0], "shape")
        return {names[0]: take(values[0] if wrapped else values)}
    if not isinstance(values, (tuple, list)) or len(values) != len(names):
        raise TypeError(f"{len(names)} values must come back, in this order: {', '.join(names)}")
    return {name: take(value) for name, value in zip(names, values, strict=True)}


def recognise(
    specification: Specification, contract: Contract, cases: list[Case], implementation: Implementation
) -> Alternative | None:
    """Return the slip whose values these are: the same answers in all cases, wrong ones among them."""
    best: tuple[int, Alternative | None] = (0, None)
    for candidate in specification.slips_of(contract.id):
        mistaken = candidate.implementation(specification.arrays, specification.reference)
        shared = _shared_mistakes(contract, cases, implementation, mistaken)
        if shared > best[0]:
            best = (shared, candidate)
    return best[1]


def _shared_mistakes(
    contract: Contract, cases: list[Case], implementation: Implementation, mistaken: Implementation
) -> int:
    """Count the cases that both get wrong in the same way; 0 as soon as they differ."""
    shared = 0
    for case in cases:
        dtype = "float64" if case.has_floats else "exact"
        tolerance = max(case.tolerance.get("float32", 0.0), 1e-9)
        for aspect, goldens in (("forward", case.outputs), ("gradient", case.gradients)):
            if not goldens:
                continue
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    yours = answers(contract, case, implementation, aspect, dtype)
                    theirs = answers(contract, case, mistaken, aspect, dtype)
            except (Exception, SystemExit):  # noqa: S112 - an answer that cannot be had says nothing about likeness
                continue
            if yours is None or theirs is None:
                continue
            if _first_difference(theirs, yours, tolerance) is not None:
                return 0
            shared += _first_difference(goldens, theirs, tolerance) is not None
    return shared
