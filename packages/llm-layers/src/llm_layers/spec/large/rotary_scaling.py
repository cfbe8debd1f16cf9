"""Large cases of stretching rotary positions."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import LONG_SUM, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)
SPEEDS = 20.0 ** (-np.arange(129) / 129)
"""Of the 129 pairs of a wide head."""


@LARGE("layers.linear_scaling", clause=1, catches="a scaling of the first pairs only")
def scaled_wide_head(g: Generator) -> Inputs:
    return {"speeds": SPEEDS, "factor": 32.0}


@LARGE("layers.llama3_scaling", clause=3, catches="a passage that is right for small heads only")
def llama3_wide_head(g: Generator) -> Inputs:
    passage = {"low_frequency_factor": 1.0, "high_frequency_factor": 4.0}
    return {"speeds": SPEEDS, "factor": 8.0, **passage, "original_context": 51}


@LARGE("layers.yarn_scaling", clause=4, catches="a passage that is right for small heads only", tolerance=LONG_SUM)
def yarn_wide_head(g: Generator) -> Inputs:
    passage = {"beta_fast": 4.0, "beta_slow": 1.0}
    return {"speeds": SPEEDS, "base": 20.0, "factor": 4.0, "original_context": 51, **passage}


for _factor in (1e-30, 0.999, 1.0 + 1e-9, 1.001, 2.0, 10.0, 65.0, 1000.0, 1e30):

    @LARGE(
        "layers.yarn_attention_factor", name=f"factor_{_factor:g}", clause=1,
        catches="a logarithm that is right for some factors only", tolerance={"exact": 1e-12, "float32": 2e-6},
    )  # fmt: skip
    def one_factor(g: Generator, factor: float = _factor) -> Inputs:
        return {"factor": factor}
