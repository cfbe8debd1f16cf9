"""What each part must be, one file a part, in the order in which a reader meets the parts."""

import importlib

from llm_layers.spec.parts import PARTS
from llm_tokenizer.conformance import Contract

CONTRACTS: tuple[Contract, ...] = tuple(
    contract for part in PARTS for contract in importlib.import_module(f"llm_layers.spec.contracts.{part}").CONTRACTS
)
