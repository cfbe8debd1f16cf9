"""Large cases of the feed-forward parts."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.activation import whole_range
from llm_layers.spec.large.limits import LONG_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance=LONG_SUM)
ONE = np.ones((1, 1))


def _gated(x: Numbers) -> Inputs:
    return {"x": x[:, None], "gate": ONE, "up": ONE / 2, "down": ONE}


def _ungated(x: Numbers) -> Inputs:
    return {"x": x[:, None], "up": ONE, "up_bias": np.zeros(1), "down": ONE, "down_bias": np.zeros(1)}


whole_range(LARGE, "layers.swiglu", 4, _gated, smallest=1.0, largest=1e18, near=1.5e-5)
whole_range(LARGE, "layers.geglu", 4, _gated, smallest=1.0, largest=1e8, near=1.5e-5)
whole_range(LARGE, "layers.gelu_feed_forward", 4, _ungated, smallest=1.0, largest=1e8, near=3e-5)


def _wide_and_long(contract: str, clauses: tuple[int, int], **weights: str) -> None:
    """Add rules with a wide hidden layer and with many vectors; `weights`: axes, of d_model m and d_ff f."""
    wide, many = clauses

    def inputs(g: Generator, vectors: int, m: int, f: int) -> Inputs:
        made = {name: g.normal(*({"m": m, "f": f}[axis] for axis in axes)) for name, axes in weights.items()}
        return {"x": g.normal(vectors, m), **made}

    LARGE(contract, wide, "a hidden layer in tiles, the last one left out", "wide_hidden_layer")(
        lambda g: inputs(g, 3, 5, 2_051)
    )
    LARGE(contract, many, "vectors in pieces, or gradients of the first ones only", "thousands_of_vectors")(
        lambda g: inputs(g, 4_099, 3, 2)
    )


_wide_and_long("layers.swiglu", (2, 5), gate="fm", up="fm", down="mf")
_wide_and_long("layers.geglu", (2, 5), gate="fm", up="fm", down="mf")
_wide_and_long("layers.relu_squared_feed_forward", (1, 4), up="fm", down="mf")
_wide_and_long("layers.gelu_feed_forward", (1, 5), up="fm", up_bias="f", down="mf", down_bias="m")
