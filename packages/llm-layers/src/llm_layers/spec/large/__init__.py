"""Large cases of the layers: rules, tried with answers of the reference, one file a part.

Three kinds: sizes beyond the tiles, tables and integer widths of real code; every elementwise function over its whole
range, in pieces that are each measured by their own largest value; numbers that cost a careless formula its digits.
No size is a multiple of 16, and what is summed in pieces does not divide evenly.
"""

from llm_layers.spec.parts import modules
from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(*(module.LARGE for module in modules("large")))
