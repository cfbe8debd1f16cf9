"""Cases that are in no file, with answers of the reference: fresh ones, other in every run, and large ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from llm_tokenizer.conformance.answers import answers
from llm_tokenizer.conformance.arrays import parts
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.difference import scale_of
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.large import Generator
from llm_tokenizer.conformance.other_values import other_inputs
from llm_tokenizer.conformance.specification import Specification
from llm_tokenizer.conformance.stretched import stretched_cases
from llm_tokenizer.conformance.varied import varied_cases

FRESH = 2
"""How many fresh cases a contract has."""


def all_cases(
    specification: Specification, contract: Contract, *, generated: bool = True, seed: int | None = None
) -> Iterator[Case]:
    """Yield the cases of a contract: those stored, with a seed two fresh ones, and the generated ones."""
    stored = specification.cases[contract.id]
    yield from stored
    if seed is not None:
        usual = [case for case in stored if case.kind != "edge" and not case.raises]
        order = random.Random(f"{contract.id}/{seed}").sample(usual, len(usual))
        yield from islice(_fresh_cases(specification, contract, order, seed), FRESH)
    if generated:
        yield from generated_cases(specification, contract)


@cache
def generated_cases(specification: Specification, contract: Contract) -> tuple[Case, ...]:
    """Return the large and the varied cases of a contract."""
    return (*ruled_cases(specification, contract), *_changed(specification, contract))


def ruled_cases(specification: Specification, contract: Contract) -> list[Case]:
    """Return the large cases of which a rule is stored."""
    return [_answered(specification, contract, *make()) for make in specification.large.get(contract.id, ())]


def _changed(specification: Specification, contract: Contract) -> Iterator[Case]:
    """Yield the varied and stretched cases that the reference takes and answers with numbers."""
    stored = specification.cases[contract.id]
    made = [*varied_cases(contract, stored), *stretched_cases(contract, stored)] if contract.inputs else []
    for case in made:
        try:
            answered = _answered(specification, contract, case, gradients=True)
        except Exception:  # noqa: S112 - sizes or values that the contract does not allow
            continue
        if not all(map(_is_ordinary, answered.gradients.values())) or _is_rounding(answered):
            answered = replace(answered, upstream={}, gradients={})
        if all(map(_is_ordinary, answered.outputs.values())):
            yield answered


def _is_ordinary(value: Any) -> bool:
    """Return whether all numbers are finite, and the largest, if it is not 0, is one that float32 has too."""
    arrays = [np.abs(x) for x in map(np.asarray, parts(value)) if x.dtype.kind == "f"]
    return all(np.isfinite(x).all() and not 0 < x.max(initial=0.0) < 1e-20 for x in arrays)


def _is_rounding(case: Case) -> bool:
    """Return whether all gradients of a case with wide values are so small that they are but rounding."""
    return case.kind == "large" and 0 < scale_of(case.gradients) < 1e-12 * scale_of(case.upstream)


def _fresh_cases(specification: Specification, contract: Contract, stored: list[Case], seed: int) -> Iterator[Case]:
    """Yield a case with other values for each stored one, where the reference takes them."""
    for case in stored:
        inputs = other_inputs(case, random.Random(f"{case.contract}/{case.id}/{seed}"))
        # A plain whole number says how something is laid out: another one need not fit.
        same = {name: x for name, x in case.inputs.items() if name in contract.kept or type(x) is int}
        fresh = Case(
            contract=case.contract, id=f"fresh_{case.id}", kind="fresh", clause=case.clause,
            catches="answers that are looked up", inputs=inputs | same,
            tolerance=dict.fromkeys(("float64", "exact"), max(1e-6, 10 * case.tolerance.get("float32", 0.0))),
        )  # fmt: skip
        try:
            yield _answered(specification, contract, fresh, gradients=bool(case.gradients))
        except Exception:  # noqa: S112 - values that the contract does not allow
            continue


def _answered(specification: Specification, contract: Contract, case: Case, gradients: bool) -> Case:
    """Return the case with the answers of the reference."""
    if case.raises:
        return case
    reference = Implementation(specification.reference, name="reference")
    case = replace(case, outputs=answers(contract, case, reference, "forward", case.dtype) or {})
    if not (gradients and contract.gradients):
        return case
    numbers = Generator(1)
    floating = {name: y for name, y in case.outputs.items() if np.asarray(y).dtype.kind == "f"}
    scale = 1e-8 if case.kind == "varied" else 1.0  # gradients near zero are gradients too
    upstream = {name: scale * numbers.normal(*np.shape(y)) for name, y in floating.items()}
    case = replace(case, upstream={name: np.asarray(y) for name, y in upstream.items()})
    return replace(case, gradients=answers(contract, case, reference, "gradient", case.dtype) or {})
