"""Large cases of positions."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import BORDERS, LONG_SUM, SHORT_SUM
from llm_tokenizer.conformance.large import LargeCases

LARGE = LargeCases()

FAR_POSITIONS = np.array([131_072, 5, 99_991, 5, 65_537, 255, 256, 32_769, 131_071, 4_097, 1_025, 0])
"""In no order, repeated, up to the longest texts; 257 and more are no longer whole in bfloat16."""
WITH_GAPS = np.array([0, 1, 5, 9, 10])
FAR_ANGLES = {"float64": 1e-9, "exact": 1e-9, "float32": 3e-2}
"""For positions of 10⁵: float32 angles are off by about 0.01 radians, as in much code that people use."""


LARGE(
    "layers.learned_positions",
    2,
    "positions in 16 bits, or a slice of the table",
    "places_of_long_texts",
    tolerance=SHORT_SUM,
)(lambda g: {"x": g.normal(2, 12, 1), "table": g.normal(131_073, 1), "positions": FAR_POSITIONS})
LARGE("layers.learned_positions", 4, "a row's gradient from the first text only", "many_texts", tolerance=LONG_SUM)(
    lambda g: {"x": g.normal(37, 103, 3), "table": g.normal(211, 3), "positions": g.whole(37, 103, below=211)}
)


waves = LARGE.of("layers.sinusoidal_positions")
waves(2, "positions in bfloat16 or from a table", "waves_of_long_texts", tolerance=FAR_ANGLES)(
    lambda g: {"positions": np.array([*BORDERS, *FAR_POSITIONS]), "d_model": 258, "base": 10_000.0}
)
waves(3, "waves remembered by the shape of the positions", "waves_of_as_many_others", tolerance=FAR_ANGLES)(
    lambda g: {"positions": np.array([*FAR_POSITIONS, *BORDERS]) // 3, "d_model": 258, "base": 10_000.0}
)
waves(3, "a table of so many rows", "waves_of_thousands", tolerance={"exact": 1e-9, "float32": 2e-3})(
    lambda g: {"positions": 7 + 2 * np.arange(2_051), "d_model": 10, "base": 500.0}
)

waves(2, "a run of positions by its first and last step", "waves_with_gaps", tolerance=FAR_ANGLES)(
    lambda g: {"positions": WITH_GAPS, "d_model": 8, "base": 10_000.0}
)


LOWEST = {"exact": 1e-11, "float32": 5e-6}


LARGE("layers.inverse_frequencies", 2, "heads of at most 128 numbers", "frequencies_of_wide_heads", tolerance=LOWEST)(
    lambda g: {"d_head": 258, "base": 20.0}  # so that the slowest, too, is seen beside the fastest
)
LARGE(
    "layers.inverse_frequencies",
    2,
    "slow frequencies that are rounded to so many places",
    "frequencies_of_a_large_base",
    tolerance={**LOWEST, "each": 1e-4},
)(lambda g: {"d_head": 128, "base": 1e6})


for rotary in map(LARGE.of, ("layers.rotary", "layers.rotary_interleaved")):
    rotary(3, "positions in bfloat16, in 16 bits, or from a table", "rotations_of_long_texts", tolerance=FAR_ANGLES)(
        lambda g: {"x": g.normal(2, 12, 258), "positions": FAR_POSITIONS, "base": 500_000.0}
    )
    rotary(3, "angles remembered by the shape of the positions", "rotations_of_as_many_others", tolerance=FAR_ANGLES)(
        lambda g: {"x": g.normal(2, 12, 258), "positions": FAR_POSITIONS[::-1] // 3, "base": 500_000.0}
    )
    rotary(
        3, "a table of angles of so many rows", "rotations_of_thousands", tolerance={"float64": 1e-9, "float32": 2e-3}
    )(lambda g: {"x": g.normal(2_051, 6), "positions": 7 + 2 * np.arange(2_051), "base": 500.0})
    rotary(
        4,
        "positions of two axes that are aligned with the first axes of x",
        "positions_of_every_text",
        tolerance=LONG_SUM,
    )(lambda g: {"x": g.normal(2, 2, 3, 4), "positions": np.array([[0, 1, 2], [7, 8, 9]]), "base": 100.0})
    rotary(3, "a run of positions by its first and last step", "rotations_with_gaps", tolerance=FAR_ANGLES)(
        lambda g: {"x": g.normal(2, 5, 8), "positions": WITH_GAPS, "base": 10_000.0}
    )
    rotary(3, "positions rounded to bfloat16", "beyond_256", tolerance={**FAR_ANGLES, "bfloat16": 0.02})(
        lambda g: {"x": g.normal(4, 8), "positions": np.array([256, 257, 259, 1_001]), "base": 10_000.0}
    )


LARGE("layers.learned_positions", 2, "positions of the first text for all", "texts_with_the_same_ends")(
    lambda g: {
        "x": g.normal(2, 5, 3),
        "table": g.normal(7, 3),
        "positions": np.array([[0, 1, 2, 3, 4], [0, 1, 0, 1, 4]]),
    }
)
