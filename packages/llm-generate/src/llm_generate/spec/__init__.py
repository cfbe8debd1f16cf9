"""The specification of generation: what temperature, top-k and top-p must be. See SPEC.md."""

from pathlib import Path

from llm_tokenizer.conformance import Specification, read_contracts

SPECIFICATION = Specification(
    package="llm-generate",
    module="llm_generate",
    version="1.1",
    contracts=read_contracts(Path(__file__).with_name("SPEC.md")),
    arrays="torch",
)
