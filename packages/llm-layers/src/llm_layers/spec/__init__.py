"""The specification of the layers: what each part must be. See SPEC.md and contracts/."""

from pathlib import Path

from llm_layers.spec.parts import PARTS
from llm_tokenizer.conformance import Specification, read_contracts

SPECIFICATION = Specification(
    package="llm-layers",
    module="llm_layers",
    version="1.2",
    contracts=read_contracts(*(Path(__file__).parent / "contracts" / f"{part}.md" for part in PARTS)),
    arrays="torch",
)
