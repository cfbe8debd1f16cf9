"""Variants: correct implementations written otherwise, one file a part; none may be refused."""

from llm_tokenizer.conformance import Alternatives
from proof.llm_train import modules

VARIANTS = Alternatives(*(module.VARIANTS for module in modules("variants")), correct=True)
