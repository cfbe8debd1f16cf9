"""Slips: mistakes that people really make, each as a small wrong implementation; every one must fail a case.

One file a part. A contract that is built from others (a block, a mixture) lists mistakes in putting it together;
those of its parts are with the parts.
"""

from llm_layers.spec.parts import PARTS
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.conformance.parts import modules_of_parts

SLIPS = Alternatives(*(module.SLIPS for module in modules_of_parts(__name__, PARTS)))
