"""Perplexity and bits per byte, written otherwise."""

import math

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)

VARIANTS.of("train.perplexity")("a power of e, cut off where numbers end")(
    lambda loss: math.e**loss if loss < 709.78 else math.inf
)
VARIANTS.of("train.bits_per_byte")("log₂ of e")(
    lambda loss, tokens_per_byte: loss * tokens_per_byte * math.log2(math.e)
)
