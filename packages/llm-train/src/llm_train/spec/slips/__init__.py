"""Slips: mistakes that people really make when they write a training step; every one must fail a case.

One file a part.
"""

from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.conformance.parts import modules_of_parts
from llm_train.spec.parts import PARTS

SLIPS = Alternatives(*(module.SLIPS for module in modules_of_parts(__name__, PARTS)))
