"""Tolerance follows from evidence.

It must lie at least 4 times above the rounding error of honest implementations and at least 4
times below the smallest effect of any slip; a case on which some slip falls into the gap between
is too weak, and is reported.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from llm_tokenizer.conformance.answers import answers
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.difference import deviation, scale_of
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.specification import Specification
from proof.evidence import variants, witnesses

FLOOR = {"float64": 1e-12, "float32": 2e-6, "bfloat16": 2e-2}
MARGIN = 4.0
COARSEST = {"float64": 1e-9, "float32": 1e-3, "bfloat16": 0.25}


def measure_tolerance(specification: Specification, contract: Contract, case: Case) -> tuple[Case, list[str]]:
    """Return the case with a tolerance for each dtype, and a complaint for each slip that falls into the gap."""
    if case.raises or not case.has_floats:
        return case, []
    honest = _honest(specification, contract)
    tolerance: dict[str, float] = {}
    complaints: list[str] = []
    for dtype, floor in FLOOR.items():
        errors = [_error(contract, case, one, dtype) for one in honest if dtype in one.arrays.dtypes]
        if dtype == "float64":  # one that computes in float32 inside says nothing about float64
            errors = [error for error in errors if error * MARGIN <= COARSEST[dtype]]
        # Without an implementation that rounds in this dtype there is no evidence, and so no band.
        if not errors or not max(errors) * MARGIN <= COARSEST[dtype]:
            continue
        tolerance[dtype] = _round_up(max(floor, MARGIN * max(errors)))
    for slip in specification.slips_of(contract.id):
        mistaken = slip.implementation(specification.arrays, specification.reference)
        for dtype in ("float64", "float32"):
            if dtype in tolerance and dtype in mistaken.arrays.dtypes:
                effect = _error(contract, case, mistaken, dtype)
                if tolerance[dtype] / MARGIN < effect < tolerance[dtype] * MARGIN:
                    complaints.append(
                        f"{contract.id}/{case.id}: the slip {slip.name!r} moves {dtype} values by {effect:.2g}, "
                        f"too near to the tolerance {tolerance[dtype]:.2g}: make the case stronger"
                    )
    return replace(case, tolerance=tolerance), complaints


def _honest(specification: Specification, contract: Contract) -> list[Implementation]:
    known = [one for one in variants(specification) if one.contract == contract.id]
    found = [one.implementation(specification.arrays, specification.reference) for one in known]
    found.append(specification.ours)
    found += [Implementation(one.load(), arrays=one.arrays, name=one.name) for one in witnesses(specification)]
    return [one for one in found if one.find(contract.name) is not None]


def _error(contract: Contract, case: Case, implementation: Implementation, dtype: str) -> float:
    worst = 0.0
    for aspect, goldens in (("forward", case.outputs), ("gradient", case.gradients)):
        if not goldens:
            continue
        try:
            found: dict[str, Any] | None = answers(contract, case, implementation, aspect, dtype)
        except Exception:  # a slip may raise: as far from the golden as can be
            return math.inf
        if found is not None:
            group = scale_of(goldens)
            worst = max([worst, *(deviation(golden, found.get(name), group) for name, golden in goldens.items())])
    return worst


def _round_up(value: float) -> float:
    """Round up to one digit, so that the stored number does not change with the processor."""
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / power - 1e-9) * power:.0e}")
