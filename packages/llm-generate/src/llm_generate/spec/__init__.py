"""The specification of llm-generate: what temperature, top-k and top-p must be."""

from llm_generate.spec.contracts import CONTRACTS
from llm_tokenizer.conformance import Specification

__all__ = ["SPECIFICATION"]

SPECIFICATION = Specification(
    package="llm-generate", module="llm_generate", version="1.0", contracts=CONTRACTS, arrays="torch"
)
