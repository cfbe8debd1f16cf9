"""The specification inside pytest.

    pytest -p llm_layers.spec.plugin --pyargs llm_layers.spec --implementation my_layers

There is no `pytest11` entry point on purpose: it would load torch into every test run of the
environment. Each package's `spec/test_contracts.py` calls `contract_test`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Contract
from llm_tokenizer.conformance.harness import DIFFERS, UNWRITTEN, try_case
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.report import describe
from llm_tokenizer.conformance.specification import Specification


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--implementation` and `--arrays`; the plugins of two packages may both be loaded."""
    group = parser.getgroup("specification")
    with contextlib.suppress(ValueError):
        group.addoption("--implementation", metavar="MODULE", help="the module to check (default: this package)")
        group.addoption("--arrays", metavar="KIND", help="numpy, torch, jax or lists")


def contract_test(specification: Specification) -> Callable[..., None]:
    """Return a test function over all cases of a specification."""
    pairs = [(contract, case) for contract in specification.contracts for case in specification.cases[contract.id]]
    identifiers = [f"{contract.id}-{case.id}" for contract, case in pairs]

    @pytest.mark.parametrize(("contract", "case"), pairs, ids=identifiers)
    def test_contract(contract: Contract, case: Case, pytestconfig: pytest.Config) -> None:
        implementation = _implementation(specification, pytestconfig)
        outcomes = list(try_case(contract, case, implementation))
        for outcome in outcomes:
            if outcome.note and implementation.name == specification.module:
                pytest.fail(f"ours must not lose precision: {outcome.note}", pytrace=False)
            if outcome.status == DIFFERS:
                clause = contract.clauses[case.clause - 1]
                pytest.fail(f"clause {case.clause}: {clause}\n{describe(outcome, contract.axes_of)}", pytrace=False)
        if not outcomes:
            pytest.skip("these arrays cannot hold the values of this case")
        if all(outcome.status == UNWRITTEN for outcome in outcomes):
            pytest.skip("not written yet")

    return test_contract


def _implementation(specification: Specification, config: Any) -> Implementation:
    name = config.getoption("--implementation", default=None)
    if name is None:
        return specification.ours
    return Implementation.load(name, arrays=config.getoption("--arrays", default=None))
