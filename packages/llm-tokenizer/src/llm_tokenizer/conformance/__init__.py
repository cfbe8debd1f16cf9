"""The conformance machinery that the specifications of all four packages share; it knows no single package.

contract.py        what a function must be; prose.py: the same in words, from its docstring
case.py            inputs and golden answers, as JSON
implementation.py  what is checked; arrays.py: NumPy, torch, JAX or lists
harness.py         runs the cases; difference.py: where an answer differs from the golden one
report.py          what a learner reads; command.py, plugin.py: the two ways to run it
provenance.py      witnesses (independent computations) of every golden; tolerance.py: how near is near enough
mutation.py        the specification is tested too: slips, variants, planted faults (faults.py)
"""

from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Argument, Contract, read_contracts
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.prose import Prose
from llm_tokenizer.conformance.specification import Alternative, Alternatives, Specification, Witness

__all__ = [
    "Alternative",
    "Alternatives",
    "Argument",
    "Case",
    "Contract",
    "Implementation",
    "Prose",
    "Specification",
    "Witness",
    "read_contracts",
]
