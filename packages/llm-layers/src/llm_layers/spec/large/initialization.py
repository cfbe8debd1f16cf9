"""Large cases of start values."""

from __future__ import annotations

from llm_layers.spec.large.limits import SHORT_SUM
from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)


LARGE("layers.truncated_normal", 1, "a series that is right in the middle only", "thousand_start_values")(
    lambda g: {"uniforms": g.uniform(3, 343), "deviation": 0.02, "limit": 3.0}
)
LARGE("layers.scaled_initialization", 2, "a limited number of layers", "hundred_layers")(
    lambda g: {"normals": g.normal(3, 4_099), "deviation": 0.02, "layers": 126}
)
LARGE("layers.scaled_initialization", 2, "twice the number of layers in 8 bits", "thousand_layers")(
    lambda g: {"normals": g.normal(3, 7), "deviation": 0.02, "layers": 1_024}
)
LARGE("layers.scaled_initialization", 2, "twice the number of layers in 8 bits with a sign", "layers_at_the_border")(
    lambda g: {"normals": g.normal(3, 7), "deviation": 0.02, "layers": 128}
)
