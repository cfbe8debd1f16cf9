"""Large cases of adapters."""

from __future__ import annotations

from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)


@LARGE("layers.lora_linear", 1, "a rank cut off at 64, or divided out again")
def rank_of_a_hundred(g: Generator) -> Inputs:
    down, up = g.normal(131, 517), g.normal(7, 131)
    return {"x": g.normal(3, 517), "weight": g.normal(7, 517), "down": down, "up": up, "scale": 0.375}


@LARGE("layers.lora_linear", 4, "gradients from a limited number of rows")
def corrections_of_many_rows(g: Generator) -> Inputs:
    down, up = g.normal(2, 5), g.normal(7, 2)
    return {"x": g.normal(3, 1_367, 5), "weight": g.normal(7, 5), "down": down, "up": up, "scale": 2.5}


LARGE("layers.merge_lora", 1, "a rank cut off at 64, or divided out again", "merged_rank_of_a_hundred")(
    lambda g: {"weight": g.normal(67, 301), "down": g.normal(131, 301), "up": g.normal(67, 131), "scale": 0.375}
)
LARGE("layers.merge_lora", 1, "down · up where both are square", "square_corrections")(
    lambda g: {"weight": g.normal(5, 5), "down": g.normal(5, 5), "up": g.normal(5, 5), "scale": 2.0}
)
