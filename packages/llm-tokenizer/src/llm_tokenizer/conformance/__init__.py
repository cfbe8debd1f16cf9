"""The conformance machinery that the specifications of all four packages share; it knows no single package.

specification.py   all that a package's specification is made of
contract.py        what a function must be; prose.py: the same in words, from its docstring
case.py            inputs and golden answers, as JSON
implementation.py  what is checked; arrays.py: NumPy, torch, JAX or lists
harness.py         runs the cases; answers.py: one call; purity.py: what a call must leave as it was
difference.py      where an answer differs from the golden one; their_code.py: where in a stranger's code
made_cases.py      cases that are in no file: fresh, large (large.py), stretched.py, varied.py; other_values.py
recognizing.py     which known mistake a wrong answer shows; ignored.py: which arguments it does not depend on
report.py          what a learner reads; command.py, plugin.py: the two ways to run it
"""

from llm_tokenizer.conformance.case import Case
from llm_tokenizer.conformance.contract import Argument, Contract, read_contracts
from llm_tokenizer.conformance.implementation import Implementation
from llm_tokenizer.conformance.prose import Prose
from llm_tokenizer.conformance.specification import Alternative, Alternatives, Specification

__all__ = [
    "Alternative",
    "Alternatives",
    "Argument",
    "Case",
    "Contract",
    "Implementation",
    "Prose",
    "Specification",
    "read_contracts",
]
