"""The large case of dropout."""

from __future__ import annotations

from llm_layers.spec.large.limits import SHORT_SUM
from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)


LARGE("layers.dropout", 2, "a mask that is repeated after so many numbers", "mask_of_thousands")(
    lambda g: {"x": g.normal(5, 14_009), "kept": g.uniform(5, 14_009) < 0.7, "rate": 0.3}
)
LARGE("layers.dropout", 1, "a factor that is limited", "hardly_anything_kept")(
    lambda g: {"x": g.normal(5, 101), "kept": g.uniform(5, 101) < 0.02, "rate": 0.98}
)
