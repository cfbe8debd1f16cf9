"""The specification of training: what an update must be. See SPEC.md."""

from pathlib import Path

from llm_tokenizer.conformance import Specification, read_contracts

SPECIFICATION = Specification(
    package="llm-train",
    module="llm_train",
    version="2.1",
    contracts=read_contracts(Path(__file__).with_name("SPEC.md")),
    arrays="torch",
)
