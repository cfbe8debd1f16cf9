"""SPEC.md says what the contracts say."""

from pathlib import Path

import llm_generate.spec
from llm_generate.spec import SPECIFICATION


def test_spec_md_holds_every_clause_under_its_number() -> None:
    text = (Path(llm_generate.spec.__file__).parent / "SPEC.md").read_text(encoding="utf-8")
    assert f"Version {SPECIFICATION.version}." in text
    for contract in SPECIFICATION.contracts:
        section = text.split(f"## {contract.id}\n")[1].split("\n## ")[0]
        for number, clause in enumerate(contract.clauses, start=1):
            assert f"\n{number}. {clause}\n" in section
        assert f"\n{len(contract.clauses) + 1}. " not in section


def test_every_clause_has_a_case() -> None:
    for contract in SPECIFICATION.contracts:
        served = {case.clause for case in SPECIFICATION.cases[contract.id]}
        assert served == set(range(1, len(contract.clauses) + 1)), contract.id
