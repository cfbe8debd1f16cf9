"""Large cases of the norms."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import LONG_SUM, ONLY_FLOAT64, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance=LONG_SUM)
large = LARGE.of("layers.rms_norm")


@large(1, "a mean of the means of pieces")
def wide_vectors(g: Generator) -> Inputs:
    # What the first and the last numbers add differs, so that a piece that is left out shows.
    grown = np.linspace(0.5, 3.0, 16_387)
    return {"x": g.normal(3, 16_387) * grown, "gain": g.normal(16_387), "eps": 1e-5}


for _size in (1e-60, 1e-25, 1e-12, 1e12, 1e25, 1e60):

    @large(
        2,
        "squares that leave the range, or an eps of one's own",
        f"vectors_of_{_size:g}",
        tolerance=SHORT_SUM if 1e-15 < _size < 1e15 else ONLY_FLOAT64,
    )
    def vectors_of_one_size(g: Generator, size: float = _size) -> Inputs:
        return {"x": size * g.normal(3, 7), "gain": g.normal(7), "eps": (size / 3) ** 2}


large = LARGE.of("layers.layer_norm")


def _layer_norm(g: Generator, x: Numbers) -> Inputs:
    return {"x": x, "gain": g.normal(x.shape[-1]), "bias": g.normal(x.shape[-1]), "eps": 1e-5}


large(2, "a mean or variance in pieces that are joined wrongly", "wide_and_uneven")(
    lambda g: _layer_norm(g, g.normal(2, 16_387) + np.linspace(-2.0, 3.0, 16_387))
)
large(5, "the variance as E[x²] - m², in float64", "wide_and_far_from_zero", tolerance=ONLY_FLOAT64)(
    lambda g: _layer_norm(g, g.normal(2, 16_387) + 1_234_567.0)
)
large(5, "squares around one number of the whole array", "rows_far_apart", tolerance=ONLY_FLOAT64)(
    lambda g: _layer_norm(g, g.normal(3, 7) + np.array([[0.0], [1e6], [-3e6]]))
)
large(
    5,
    "the variance as E[x²] - m², in float32",
    "far_from_zero_in_float32",
    tolerance={"float64": 1e-9, "float32": 1e-3},
)(lambda g: _layer_norm(g, np.round(g.normal(3, 1_031) * 256) / 256 + 1000.0))  # exact in float32
large(5, "float32 inside, where it is visible", "a_million_away", tolerance=ONLY_FLOAT64)(
    lambda g: _layer_norm(g, g.normal(5, 37) - 1_234_567.8)
)
