"""The large case of dropout."""

from __future__ import annotations

from llm_layers.spec.large.limits import SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)


@LARGE("layers.dropout", clause=2, catches="a mask that is repeated after so many numbers")
def mask_of_thousands(g: Generator) -> Inputs:
    return {"x": g.normal(5, 4_099), "kept": g.uniform(5, 4_099) < 0.7, "rate": 0.3}


@LARGE("layers.dropout", clause=1, catches="a factor that is limited")
def hardly_anything_kept(g: Generator) -> Inputs:
    return {"x": g.normal(5, 101), "kept": g.uniform(5, 101) < 0.02, "rate": 0.98}
