"""Large cases of start values."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)


@LARGE("layers.truncated_normal", clause=1, catches="a series that is right in the middle only")
def thousand_start_values(g: Generator) -> Inputs:
    return {"uniforms": g.uniform(3, 343), "deviation": 0.02, "limit": 3.0}


@LARGE("layers.scaled_initialization", clause=2, catches="a limited number of layers")
def hundred_layers(g: Generator) -> Inputs:
    return {"normals": g.normal(3, 4_099), "deviation": 0.02, "layers": 126}


@LARGE("layers.scaled_initialization", clause=2, catches="twice the number of layers in 8 bits")
def thousand_layers(g: Generator) -> Inputs:
    return {"normals": g.normal(3, 7), "deviation": 0.02, "layers": 1_024}


@LARGE("layers.scaled_initialization", clause=2, catches="twice the number of layers in 8 bits with a sign")
def layers_at_the_border(g: Generator) -> Inputs:
    return {"normals": g.normal(3, 7), "deviation": 0.02, "layers": 128}


for _limit in (0.5, 1.0, 4.5):

    @LARGE(
        "layers.truncated_normal", name=f"limit_{_limit:g}", clause=3, catches="a variance that is right for one limit"
    )
    def other_limits(g: Generator, limit: float = _limit) -> Inputs:
        return {"uniforms": np.append(g.uniform(7), [0.0, 0.5, 1.0]), "deviation": 0.3, "limit": limit}
