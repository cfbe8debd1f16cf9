"""Check an implementation: hand it each case, take its answer, compare with the golden one.

Contracts that build on each other are fed goldens, not each other's answers: one mistake, one red line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from llm_tokenizer.conformance.answers import answers, call_with_others, disturbed_by
from llm_tokenizer.conformance.arrays import BACKWARDS, KINDS, LAYOUTS, MIXED, Arrays, parts
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.difference import Difference, first_difference
from llm_tokenizer.conformance.ignored import ignored_arguments
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.made_cases import all_cases
from llm_tokenizer.conformance.purity import SECONDS, ImpureError, snapshot, unchanged
from llm_tokenizer.conformance.recognizing import recognize
from llm_tokenizer.conformance.specification import Alternative, Specification
from llm_tokenizer.conformance.their_code import place_in_theirs

SMALLER = "; --quick leaves out cases of this size"
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
    recognized: Alternative | None = None
    in_gradient: Alternative | None = None
    ignored: tuple[str, ...] = ()

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

    @property
    def endless(self) -> bool:
        """Whether a call did not come back."""
        return any(outcome.difference is not None and outcome.difference.endless for outcome in self.failures)


@dataclass(frozen=True)
class Result:
    """All verdicts on one implementation."""

    specification: Specification
    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    seed: int = 0

    def count(self, *statuses: str) -> int:
        """Count the contracts that have one of the statuses."""
        return sum(verdict.status in statuses for verdict in self.verdicts)

    @property
    def failed(self) -> bool:
        """Whether any contract differs."""
        return self.count(DIFFERS) > 0


def check_implementation(
    specification: Specification,
    implementation: Implementation,
    keyword: str = "",
    *,
    generated: bool = True,
    seed: int = 0,
    seconds: float = SECONDS,
    tell: Callable[[str], object] | None = None,
) -> Result:
    """Check every contract whose id contains `keyword`; recognize slips where values differ.

    Args:
        specification: What is checked.
        implementation: Who is checked.
        keyword: Only contracts with this in their id.
        generated: The large and the varied cases too.
        seed: Of the fresh cases.
        seconds: How long one call may take.
        tell: Called before each contract with what comes next, to show it.
    """
    result = Result(specification, implementation.name, seed=seed)
    chosen = [contract for contract in specification.contracts if keyword in contract.id]
    with unchanged():
        for number, contract in enumerate(chosen, start=1):
            if tell is not None:
                tell(f"checking {contract.id}, {number} of {len(chosen)}")
            written = implementation.find(contract.name) is not None  # for a function to come, none is generated
            cases = all_cases(specification, contract, generated=generated and written, seed=seed)
            outcomes = list(try_contract(contract, cases, implementation, seconds))
            verdict = Verdict(contract, outcomes)
            if verdict.failures and not verdict.endless:
                stored = specification.cases[contract.id]
                slips = recognize(specification, contract, stored, implementation)
                ignored = ignored_arguments(contract, stored, implementation, specification.reference)
                verdict = Verdict(contract, outcomes, *slips, ignored)
            result.verdicts.append(verdict)
    wanted = [verdict.contract.name for verdict in result.verdicts if verdict.status == UNWRITTEN]
    gradients = [verdict.contract.backward_name for verdict in result.verdicts if verdict.status == PARTLY]
    known = {name for contract in specification.contracts for name in (contract.name, contract.backward_name)}
    result.hints.extend(implementation.hints(wanted + gradients, known))
    return result


def try_contract(
    contract: Contract, cases: Iterable[Case], implementation: Implementation, seconds: float = SECONDS
) -> Iterator[Outcome]:
    """Check all cases of one contract."""
    for case in cases:
        for outcome in try_case(contract, case, implementation, seconds):
            yield outcome
            if outcome.difference is not None and outcome.difference.endless:
                return  # the others would wait as long


def try_case(
    contract: Contract, case: Case, implementation: Implementation, seconds: float = SECONDS
) -> Iterator[Outcome]:
    """Check one case: forward and, where it is pinned, gradient, in every precision that both sides know."""
    values = [*case.inputs.values(), *case.outputs.values(), *case.gradients.values()]
    if not all(map(implementation.arrays.carries, values)):
        return
    dtypes = [name for name in implementation.arrays.dtypes if name in case.tolerance] if case.has_floats else ["exact"]
    dtypes = dtypes or ["float64"]
    if implementation.find(contract.name) is None:
        yield Outcome(contract=contract.id, case=case, aspect="forward", dtype=dtypes[0], status=UNWRITTEN)
        return
    for dtype in dtypes:
        for aspect in ("forward", "gradient") if case.gradients else ("forward",):
            yield _judge(contract, case, implementation, aspect, dtype, seconds)


def _judge(
    contract: Contract, case: Case, implementation: Implementation, aspect: str, dtype: str, seconds: float
) -> Outcome:
    def outcome(status: str, difference: Difference | None = None, note: str = "") -> Outcome:
        return Outcome(
            contract=contract.id, case=case, aspect=aspect, dtype=dtype, status=status, difference=difference, note=note
        )

    goldens = case.outputs if aspect == "forward" else case.gradients
    exact = dtype in ("float64", "exact")
    thorough = exact and aspect == "forward" and case.kind not in ("large", "varied")
    note, sharing = "", list[str]()
    by_hand = exact and case.kind == "by hand"
    usual = exact and case.kind in ("by hand", "ordinary")
    for layout in dict.fromkeys((case.layout, *(_further_layouts(case) if thorough or usual else ()))):
        first = thorough and layout == case.layout
        try:
            if first:  # what it remembers of other values must not come back
                list(call_with_others(contract, case, implementation, dtype, seconds))
            yours = answers(
                contract, case, implementation, aspect, dtype, layout=layout, seconds=seconds, sharing=sharing,
                again=first and usual,
            )  # fmt: skip
        except ImpureError as refusal:
            reason = f"{refusal}{SMALLER if refusal.endless and case.kind == 'large' else ''}"
            return outcome(DIFFERS, Difference(aspect, reason, endless=refusal.endless, general=True))
        except (Exception, SystemExit) as error:  # other people's code may raise anything, and that is an answer too
            if case.raises and _is_refusal(error, case.raises, contract.clauses[case.clause - 1]):
                return outcome(PASS)
            if case.kind == "varied" or (layout == BACKWARDS and "strid" in str(error)):  # it refuses these, and may
                return outcome(PASS)
            told = f"{_told(error, implementation.arrays)}{SMALLER if isinstance(error, MemoryError) else ''}"
            return outcome(DIFFERS, Difference(aspect, told, raised=True))
        if yours is None:
            return outcome(UNWRITTEN)
        if case.raises:
            return outcome(DIFFERS, Difference(aspect, f"it must raise {case.raises}, and it returned"))
        each = case.tolerance.get("each", math.inf)
        difference = first_difference(goldens, yours, case.tolerance.get(dtype, 1e-12), each)
        if difference is not None and exact:
            inside = case.tolerance.get("inside", case.tolerance.get("float32", 0.0))
            if first_difference(goldens, yours, inside, each, low=True) is None:
                difference, note = None, "it is only as exact as float32"
        if difference is not None:
            if layout != case.layout:
                difference = replace(difference, reason=f"right only while arrays lie in memory in order, not {layout}")
            return outcome(DIFFERS, difference)
        if sharing:
            reason = f"it shares memory with the argument {sharing[0]}: a change of one would change the other"
            return outcome(DIFFERS, Difference("its answer", reason, general=True))
        if first and by_hand and (reason := _what_it_remembers(contract, case, implementation, dtype, seconds, yours)):
            return outcome(DIFFERS, Difference("its answer", reason, general=True))
        given = [part for value in case.inputs.values() for part in parts(value)]
        if not any(isinstance(part, np.ndarray) and part.ndim for part in given):
            break  # no other layout to try
    return outcome(PASS, note=note)


def _what_it_remembers(
    contract: Contract, case: Case, implementation: Implementation, dtype: str, seconds: float, yours: dict[str, Any]
) -> str:
    """Return how an answer depends on more than the arguments of its call; empty if it does not."""
    kept = snapshot(yours)
    for _ in call_with_others(contract, case, implementation, dtype, seconds):
        if snapshot(yours) != kept:
            return "a later call changed it: two calls share memory"
        if snapshot(answers(contract, case, implementation, "forward", dtype, seconds=seconds)) != kept:
            return "it is another one after other calls"
    disturbed = disturbed_by(contract, case, implementation, dtype, seconds)
    return disturbed and f"it changed {disturbed}, which all code in the process shares"


def _further_layouts(case: Case) -> Iterable[str]:
    """Return in which other layouts a case is tried: a case by hand or an ordinary one in all, an edge case in two."""
    by_name = LAYOUTS[sum(map(ord, case.id)) % len(LAYOUTS)]
    return ("transposed", by_name) if case.kind == "edge" else (*LAYOUTS, MIXED)


def _is_refusal(error: BaseException, wanted: str, clause: str) -> bool:
    """Return whether an error is the one that a clause names; any error will do where it names none."""
    return wanted not in clause or wanted in {kind.__name__ for kind in type(error).__mro__}


def _told(error: BaseException, arrays: Arrays) -> str:
    place = place_in_theirs(error)
    words = "" if error.args in ((), (None,)) else f": {error}"  # exit() has no words of its own
    reason = f"it raised {type(error).__name__}{f' in {place}' if place else ''}{words}"
    torch_wanted = "numpy.ndarray" in reason or "argument 'keepdim'" in reason  # NumPy says keepdims
    if torch_wanted and arrays is KINDS["numpy"]:
        reason += ' (does it want torch tensors? Then write SPEC_ARRAYS = "torch" in your module)'
    return reason
