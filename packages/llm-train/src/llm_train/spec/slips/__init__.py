"""Slips: mistakes that people really make when they write a training step; every one must fail a case.

One file a part.
"""

from llm_tokenizer.conformance import Alternatives
from llm_train.spec.parts import modules

SLIPS = Alternatives(*(module.SLIPS for module in modules("slips")))
