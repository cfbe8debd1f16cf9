"""Variants: correct implementations written otherwise, one file a part; none may be refused."""

from llm_tokenizer.conformance import Alternatives
from proof.llm_layers import modules

VARIANTS = Alternatives(*(module.VARIANTS for module in modules("variants")), correct=True)
