"""The machinery of the specification, shared by all four packages.

    contract.py        what a function must be
    case.py            inputs and golden answers, as JSON
    implementation.py  what is put on trial; arrays.py: NumPy, torch, JAX or lists
    harness.py         the trial; difference.py: where an answer parts from the golden one
    report.py          what a learner reads; command.py, plugin.py: the two doors
    provenance.py      three witnesses for every number; tolerance.py: how near is near enough
    mutation.py        the specification is tested too: slips, variants, planted faults (faults.py)

This package's own specification stands beside it: contracts.py, cases/, slips.py, variants.py,
witnesses.py, ours.py.
"""

from llm_tokenizer.spec.case import Case
from llm_tokenizer.spec.contract import Argument, Contract
from llm_tokenizer.spec.implementation import Implementation
from llm_tokenizer.spec.specification import Alternative, Specification, Witness, slip, variant

__all__ = [
    "SPECIFICATION",
    "Alternative",
    "Argument",
    "Case",
    "Contract",
    "Implementation",
    "Specification",
    "Witness",
    "slip",
    "variant",
]

from llm_tokenizer.spec.contracts import CONTRACTS

SPECIFICATION = Specification(
    package="llm-tokenizer", module="llm_tokenizer", version="1.1", contracts=CONTRACTS, arrays="numpy"
)
