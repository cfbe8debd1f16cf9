"""Dropout: correct implementations written otherwise."""

from typing import Any

import numpy as np

from llm_tokenizer.conformance import variant


@variant("layers.dropout", "product with the mask")
def product(x: Any, kept: Any, rate: float) -> Any:
    return x * kept / (1 - rate)


@variant("layers.dropout", "mask scaled first")
def mask_first(x: Any, kept: Any, rate: float) -> Any:
    return x * kept.to(x.dtype).div(1 - rate)


@variant("layers.dropout", "filled with zeros")
def filled(x: Any, kept: Any, rate: float) -> Any:
    return x.masked_fill(~kept, 0.0) * (1 / (1 - rate))


@variant("layers.dropout", "NumPy, chosen places", arrays="numpy")
def chosen(x: Any, kept: Any, rate: float) -> Any:
    y = np.zeros_like(x)
    y[kept] = x[kept] / (1 - rate)
    return y
