"""Large cases of stretching rotary positions."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import LONG_SUM, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=SHORT_SUM)
SPEEDS = 20.0 ** (-np.arange(129) / 129)
"""Of the 129 pairs of a wide head."""


LARGE("layers.linear_scaling", 1, "a scaling of the first pairs only", "scaled_wide_head")(
    lambda g: {"speeds": SPEEDS, "factor": 32.0}
)


@LARGE("layers.llama3_scaling", 3, "a passage that is right for small heads only")
def llama3_wide_head(g: Generator) -> Inputs:
    passage = {"low_frequency_factor": 1.0, "high_frequency_factor": 4.0}
    return {"speeds": SPEEDS, "factor": 8.0, **passage, "original_context": 51}


@LARGE("layers.yarn_scaling", 4, "a passage that is right for small heads only", tolerance=LONG_SUM)
def yarn_wide_head(g: Generator) -> Inputs:
    passage = {"beta_fast": 4.0, "beta_slow": 1.0}
    return {"speeds": SPEEDS, "base": 20.0, "factor": 4.0, "original_context": 51, **passage}


OF_EACH = {"exact": 1e-11, "float64": 1e-11, "inside": 1e-6, "each": 1e-5}
"""The slowest speeds are small beside the fastest, and decide about far positions; float32 inside is enough for it."""
SLOW = 1e6 ** (-np.arange(64) / 64)


LARGE(
    "layers.linear_scaling",
    1,
    "slow speeds that are rounded to so many places",
    "scaled_slow_speeds",
    tolerance=OF_EACH,
)(lambda g: {"speeds": SLOW, "factor": 32.0})


@LARGE("layers.llama3_scaling", 3, "slow speeds that are rounded to so many places", tolerance=OF_EACH)
def llama3_slow_speeds(g: Generator) -> Inputs:
    passage = {"low_frequency_factor": 1.0, "high_frequency_factor": 4.0}
    return {"speeds": SLOW, "factor": 8.0, **passage, "original_context": 8_192}


@LARGE("layers.yarn_scaling", 4, "slow speeds that are rounded to so many places", tolerance=OF_EACH)
def yarn_slow_speeds(g: Generator) -> Inputs:
    passage = {"beta_fast": 32.0, "beta_slow": 1.0}
    return {"speeds": SLOW, "base": 1e6, "factor": 4.0, "original_context": 8_192, **passage}


for _factor in (1e-30, 0.999, 1.0 + 1e-9, 1.001, 2.0, 10.0, 65.0, 1000.0, 1e30):

    @LARGE(
        "layers.yarn_attention_factor",
        1,
        "a logarithm that is right for some factors only",
        f"factor_{_factor:g}",
        tolerance={"exact": 1e-12, "float32": 2e-6},
    )
    def one_factor(g: Generator, factor: float = _factor) -> Inputs:
        return {"factor": factor}
