"""Variants: correct implementations written otherwise, one file a part; none may be refused."""

from llm_layers.spec.parts import modules
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(*(module.VARIANTS for module in modules("variants")), correct=True)
