"""What each part must be, one file a part, in the order in which a reader meets the parts."""

from llm_layers.spec.parts import modules
from llm_tokenizer.conformance import Contract

CONTRACTS: tuple[Contract, ...] = tuple(contract for module in modules("contracts") for contract in module.CONTRACTS)
