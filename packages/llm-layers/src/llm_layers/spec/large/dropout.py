"""Large cases of dropout."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)


LARGE("layers.dropout", 2, "a mask that is repeated after so many numbers", "mask_of_thousands")(
    lambda g: {"x": g.normal(5, 14_009), "kept": g.uniform(5, 14_009) < 0.7, "rate": 0.3}
)
LARGE("layers.dropout", 1, "a factor that is limited", "hardly_anything_kept")(
    lambda g: {"x": g.normal(5, 101), "kept": g.uniform(5, 101) < 0.02, "rate": 0.98}
)

for _positions, _width, _rate in ((1, 70_001, 0.5), (1_031, 67, 0.1), (70_001, 1, 0.9), (259, 300, 0.001)):

    @LARGE("layers.dropout_mask", 3, "places in 8 or 16 bits", f"mask_of_{_positions}_by_{_width}")
    def mask(g: Generator, positions: int = _positions, width: int = _width, rate: float = _rate) -> Inputs:
        keys = g.bits(3).astype(np.int64)
        return {"keys": keys, "site": 77, "positions": positions, "width": width, "rate": rate}


LARGE("layers.dropout_mask", 2, "a table of so many rows", "keys_of_thousands")(
    lambda g: {"keys": g.bits(4_099).astype(np.int64), "site": 2**33 - 5, "positions": 2, "width": 5, "rate": 0.25}
)
LARGE("layers.dropout_mask", 2, "neighboring keys with masks that are alike", "keys_side_by_side")(
    lambda g: {"keys": np.arange(-300, 301), "site": 1, "positions": 1, "width": 31, "rate": 0.5}
)
