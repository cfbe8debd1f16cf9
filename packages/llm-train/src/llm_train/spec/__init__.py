"""The specification of training: what an update must be. See SPEC.md and contracts/."""

from pathlib import Path

from llm_tokenizer.conformance import Specification, read_contracts
from llm_train.spec.parts import PARTS

SPECIFICATION = Specification(
    package="llm-train",
    module="llm_train",
    version="2.3",
    contracts=read_contracts(*(Path(__file__).parent / "contracts" / f"{part}.md" for part in PARTS)),
    arrays="torch",
)
