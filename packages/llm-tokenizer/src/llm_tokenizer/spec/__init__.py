"""The specification of the tokenizer: what each part must be, as clauses and as cases. See SPEC.md."""

from llm_tokenizer.conformance import Specification
from llm_tokenizer.spec.contracts import CONTRACTS

__all__ = ["SPECIFICATION"]

SPECIFICATION = Specification(
    package="llm-tokenizer", module="llm_tokenizer", version="1.1", contracts=CONTRACTS, arrays="numpy"
)
