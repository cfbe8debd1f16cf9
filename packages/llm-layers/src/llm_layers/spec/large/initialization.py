"""Large cases of initial values."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)


LARGE(
    "layers.truncated_normal", 1, "a series that is right in the middle only, or places in 16 bits", "many_start_values"
)(lambda g: {"uniforms": g.uniform(3, 23_003), "deviation": 0.02, "limit": 3.0})
LARGE("layers.scaled_initialization", 2, "twice the number of layers in 8 bits", "thousand_layers")(
    lambda g: {"normals": g.normal(3, 7), "deviation": 0.02, "layers": 1_024}
)
LARGE("layers.scaled_initialization", 2, "twice the number of layers in 8 bits with a sign", "layers_at_the_border")(
    lambda g: {"normals": g.normal(3, 7), "deviation": 0.02, "layers": 128}
)
LARGE("layers.scaled_initialization", 1, "the normals themselves where nothing changes", "factor_of_one")(
    lambda g: {"normals": g.normal(3, 7), "deviation": 2.0, "layers": 2}
)

for _limit in (0.5, 1.0, 4.5):

    @LARGE("layers.truncated_normal", 3, "a variance that is right for one limit", f"limit_{_limit:g}")
    def other_limits(g: Generator, limit: float = _limit) -> Inputs:
        return {"uniforms": np.append(g.uniform(7), [0.0, 0.5, 1.0]), "deviation": 0.3, "limit": limit}
