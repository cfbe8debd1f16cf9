"""The specification of llm-train: `python -m llm_train.spec [my_code]`."""

from llm_tokenizer.conformance import Specification
from llm_train.spec.contracts import CONTRACTS

__all__ = ["SPECIFICATION"]

SPECIFICATION = Specification(package="llm-train", module="llm_train", version="1.0", contracts=CONTRACTS)
