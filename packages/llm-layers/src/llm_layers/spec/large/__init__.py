"""Large cases of the layers: rules, tried with answers of the reference, one file a part.

Three kinds: sizes beyond the tiles, tables and integer widths of real code; every elementwise function over its whole
range, in pieces that are each measured by their own largest value; numbers that cost a careless formula its digits.
No size is a multiple of 16, and what is summed in pieces does not divide evenly.
"""

from llm_layers.spec.parts import PARTS
from llm_tokenizer.conformance.large import LargeCases
from llm_tokenizer.conformance.parts import modules_of_parts

LARGE = LargeCases(*(module.LARGE for module in modules_of_parts(__name__, PARTS)))
