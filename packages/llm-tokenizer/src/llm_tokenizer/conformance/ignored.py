"""Which arguments an answer does not depend on, though it must."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from llm_tokenizer.conformance.answers import answers
from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.other_values import other_inputs
from llm_tokenizer.conformance.purity import snapshot


def ignored_arguments(
    contract: Contract, cases: list[Case], implementation: Implementation, reference: Any
) -> tuple[str, ...]:
    """Return the arguments without which some answer would be the same, though the right one would be another."""
    usual = [case for case in cases if case.kind in ("by hand", "ordinary") and not case.raises]
    right = Implementation(reference, name="reference")

    def changes(one: Implementation, name: str) -> dict[str, bool]:
        """Return for each case that is answered whether another value of this argument changes the answer."""
        found = {}
        for case in usual:
            other = replace(case, inputs=case.inputs | {name: other_inputs(case, random.Random(0))[name]})
            try:
                both = [snapshot(answers(contract, tried, one, "forward", case.dtype)) for tried in (case, other)]
            except (Exception, SystemExit):  # noqa: S112 - values that it refuses say nothing
                continue
            found[case.id] = both[0] != both[1]
        return found

    def ignored(name: str) -> bool:
        found, must = changes(implementation, name), changes(right, name)
        telling = [changed for case, changed in found.items() if must.get(case)]
        return bool(telling) and not any(telling)

    return tuple(argument.name for argument in contract.inputs if ignored(argument.name))
