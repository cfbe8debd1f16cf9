"""Large cases of the linear layer."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)


LARGE("layers.linear", 1, "a product in tiles whose last one is left out", "wide_rows")(
    lambda g: {"x": g.normal(2, 3, 4_099), "weight": g.normal(13, 4_099), "bias": g.normal(13)}
)
LARGE("layers.linear", 3, "gradients of weight and bias from a limited number of rows", "thousands_of_rows")(
    lambda g: {"x": g.normal(4_099, 3), "weight": g.normal(37, 3), "bias": g.normal(37)}
)
LARGE("layers.linear", 3, "a bias of zeros that is taken for none", "bias_of_zeros")(
    lambda g: {"x": g.normal(3, 5), "weight": g.normal(4, 5), "bias": np.zeros(4)}
)
