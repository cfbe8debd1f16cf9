"""Correct implementations written otherwise: the specification must accept every one of them."""

from llm_layers.spec.parts import gather
from llm_tokenizer.conformance import Alternative

globals().update(gather("variants", Alternative))
