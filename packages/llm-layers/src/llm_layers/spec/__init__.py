"""The specification of the layers: what each part must be, as clauses and as numbers. See SPEC.md."""

from llm_layers.spec.contracts import CONTRACTS
from llm_tokenizer.conformance import Specification

SPECIFICATION = Specification(
    package="llm-layers", module="llm_layers", version="1.0", contracts=CONTRACTS, arrays="torch"
)
