"""Dropout: correct implementations written otherwise."""

from typing import Any

import numpy as np

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.dropout")
variant("product with the mask")(lambda x, kept, rate: x * kept / (1 - rate))
variant("mask scaled first")(lambda x, kept, rate: x * kept.to(x.dtype).div(1 - rate))
variant("filled with zeros")(lambda x, kept, rate: x.masked_fill(~kept, 0.0) * (1 / (1 - rate)))


@variant("NumPy, chosen places", arrays="numpy")
def chosen(x: Any, kept: Any, rate: float) -> Any:
    y = np.zeros_like(x)
    y[kept] = x[kept] / (1 - rate)
    return y
