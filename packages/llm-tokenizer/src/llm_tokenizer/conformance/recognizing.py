"""Recognize a known mistake: the slip whose values are the same as those of a wrong implementation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np

from llm_tokenizer.conformance.answers import answers
from llm_tokenizer.conformance.arrays import parts
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.difference import first_difference
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.specification import Alternative, Specification


def recognize(
    specification: Specification, contract: Contract, cases: list[Case], implementation: Implementation
) -> tuple[Alternative | None, Alternative | None]:
    """Return the slip whose values these are, the same answers in all cases, wrong ones among them.

    Where no slip has both the outputs and the gradients: the slip of the outputs, and another of the gradients.
    """

    def best(*aspects: str) -> tuple[Alternative | None, set[str]]:
        most: tuple[Alternative | None, Counter[str]] = (None, Counter())
        for candidate in specification.slips_of(contract.id):
            mistaken = candidate.implementation(specification.arrays, specification.reference)
            shared = _shared_mistakes(contract, cases, implementation, mistaken, aspects)
            if shared.total() > most[1].total():
                most = (candidate, shared)
        return most[0], set(most[1])

    whole, explained = best("forward", "gradient")
    if whole is None or explained == {"forward"}:
        return whole or best("forward")[0], best("gradient")[0]
    return whole, None


def _shared_mistakes(
    contract: Contract,
    cases: list[Case],
    implementation: Implementation,
    mistaken: Implementation,
    aspects: Collection[str],
) -> Counter[str]:
    """Count the cases that both get wrong in the same way, by aspect; none as soon as they differ.

    Where only yours has a NaN, that is a mistake of its own: beside a mean over too many there may be one over nothing.
    """
    shared = Counter[str]()
    for case in cases:
        tolerance = max(case.tolerance.get("float32", 0.0), 1e-9)
        for aspect, goldens in (("forward", case.outputs), ("gradient", case.gradients)):
            if not goldens or aspect not in aspects:
                continue
            try:
                yours = answers(contract, case, implementation, aspect, case.dtype)
                theirs = answers(contract, case, mistaken, aspect, case.dtype)
            except (Exception, SystemExit):  # noqa: S112 - an answer that cannot be had says nothing about likeness
                continue
            if yours is None or theirs is None or (_undefined(yours) and not _undefined(theirs)):
                continue
            if first_difference(theirs, yours, tolerance) is not None:
                return Counter()
            shared[aspect] += first_difference(goldens, theirs, tolerance) is not None
    return +shared


def _undefined(found: dict[str, Any]) -> bool:
    """Whether an answer has a NaN in it."""
    arrays = (np.asarray(array) for value in found.values() for array in parts(value))
    return any(array.dtype.kind == "f" and np.isnan(array).any() for array in arrays)
