"""Large cases of the feed-forward parts."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.activation import whole_range
from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance=LONG_SUM)
ONE = np.ones((1, 1))


def _gated(x: Numbers) -> Inputs:
    return {"x": x[:, None], "gate": ONE, "up": ONE / 2, "down": ONE}


def _ungated(x: Numbers) -> Inputs:
    return {"x": x[:, None], "up": ONE, "up_bias": np.zeros(1), "down": ONE, "down_bias": np.zeros(1)}


whole_range(LARGE, "layers.swiglu", 4, _gated, smallest=1.0, largest=1e18, float32=10.0, near=1.5e-5)
whole_range(LARGE, "layers.geglu", 4, _gated, smallest=1.0, largest=1e8, near=1.5e-5)
whole_range(LARGE, "layers.gelu_feed_forward", 4, _ungated, smallest=1.0, largest=1e8, near=3e-5)
