"""Large cases of a residual stream."""

from __future__ import annotations

from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)

for large in map(LARGE.of, ("layers.pre_norm", "layers.post_norm", "layers.branch_norm")):
    large(3, "a width that is cut into tiles", "wide_stream")(
        lambda g: {"x": g.normal(5, 259), "gain": g.normal(259), "weight": g.normal(259, 259) / 16.0, "eps": 1e-5}
    )
    large(5, "gradients from a limited number of rows", "long_stream")(
        lambda g: {"x": g.normal(7, 589, 3), "gain": g.normal(3), "weight": g.normal(3, 3), "eps": 1e-2}
    )
