"""Large cases of stretching rotary positions."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)
OF_EACH = {"exact": 1e-11, "float64": 1e-11, "inside": 1e-6, "each": 1e-5}
"""The lowest frequencies are small beside the highest, and decide about far positions; float32 inside is enough."""


def _scaled(
    name: str, catches: str, base: float, pairs: int, context: int, tolerance: dict[str, float] | None = None
) -> None:
    """Register one case of each of the three scalings over so many pairs, changed around their original context."""
    frequencies = {"frequencies": base ** (-np.arange(pairs) / pairs)}
    beta = {"beta_fast": 4.0, "beta_slow": 1.0, "original_context": context}
    passage = {"low_frequency_factor": 1.0, "high_frequency_factor": 4.0, "original_context": context}
    LARGE("layers.linear_scaling", 1, catches, f"scaled_{name}", tolerance=tolerance)(
        lambda g: frequencies | {"factor": 32.0}
    )
    LARGE("layers.llama3_scaling", 3, catches, f"llama3_{name}", tolerance=tolerance)(
        lambda g: frequencies | {"factor": 8.0} | passage
    )
    LARGE("layers.yarn_scaling", 4, catches, f"yarn_{name}", tolerance=tolerance)(
        lambda g: frequencies | {"base": base, "factor": 4.0} | beta
    )


_scaled("wide_head", "a scaling that is right for small heads only", 20.0, 129, 51)
_scaled("slow_frequencies", "slow frequencies that are rounded to so many places", 1e6, 64, 8_192, OF_EACH)

_ROW = {"frequencies": 100.0 ** (-np.arange(8) / 8), "factor": 4.0, "original_context": 512}
LARGE("layers.yarn_scaling", 3, "betas of an earlier call with the same frequencies", "yarn_other_betas")(
    lambda g: _ROW | {"base": 100.0, "beta_fast": 10.0, "beta_slow": 2.5}
)

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
