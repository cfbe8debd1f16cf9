"""The specification of the tokenizer: what each step must be. See SPEC.md."""

from pathlib import Path

from llm_tokenizer.conformance import Specification, read_contracts

SPECIFICATION = Specification(
    package="llm-tokenizer",
    module="llm_tokenizer",
    version="1.2",
    contracts=read_contracts(Path(__file__).with_name("SPEC.md")),
    arrays="numpy",
)
