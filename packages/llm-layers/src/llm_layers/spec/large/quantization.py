"""Large cases of weights as codes."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.limits import LONG_SUM, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance=LONG_SUM)


def _scales(g: Generator, *shape: int) -> Numbers:
    return g.uniform(*shape, low=0.01, high=2.0)


def _steps(g: Generator, rows: int, width: int, largest: int) -> Numbers:
    """Return numbers between whole ones from -largest to largest: float32 rounds them alike, 16 bits do not."""
    steps = g.whole(rows, width, below=2 * largest + 1) - largest + g.uniform(rows, width, low=-0.499, high=0.499)
    clipped: Numbers = np.clip(steps, -largest, largest)
    return clipped


def _bytes(g: Generator) -> Numbers:
    """Return two codes a byte, of 294 groups of 7 in each of 37 rows."""
    low, high = g.whole(37, 1_029, below=15) + 1, g.whole(37, 1_029, below=15) + 1
    packed: Numbers = (low + 16 * high).astype(np.uint8)
    return packed


@LARGE("layers.quantize_int8", 1, "rows in pieces, or a scale of the first numbers", tolerance=SHORT_SUM)
def rows_of_thousands(g: Generator) -> Inputs:
    weight = _steps(g, 67, 5_003, 127)
    weight[::2] = np.clip(weight[::2], -126, 126)
    weight[:, -1] = -127  # in half of the rows the largest comes last
    return {"weight": weight * _scales(g, 67, 1)}


@LARGE("layers.quantize_int4", 1, "groups beyond so many, or rows in pieces", tolerance=SHORT_SUM)
def hundreds_of_groups(g: Generator) -> Inputs:
    steps, scales = _steps(g, 37, 2_058, 7), np.repeat(_scales(g, 37, 294), 7, axis=1)
    steps[:, 3::7] = 7
    return {"weight": steps * scales, "group": 7}


LARGE("layers.dequantize_int8", 3, "sums in 8 or 16 bits, or rows in pieces", "codes_of_thousands")(
    lambda g: {"codes": (g.whole(67, 2_051, below=255) - 127).astype(np.int8), "scales": _scales(g, 67)}
)
LARGE("layers.dequantize_int4", 2, "groups beyond so many", "codes_of_hundreds_of_groups")(
    lambda g: {"codes": _bytes(g), "scales": _scales(g, 37, 294)}
)


@LARGE("layers.int8_linear", 1, "sums in 8 or 16 bits, or a product in tiles")
def product_of_thousands(g: Generator) -> Inputs:
    codes = np.where(g.uniform(37, 2_051) < 0.9, 127, -127).astype(np.int8)
    return {"x": g.normal(3, 2_051) + 1.0, "codes": codes, "scales": _scales(g, 37)}


LARGE("layers.int4_linear", 1, "groups beyond so many, or a product in tiles", "product_of_hundreds_of_groups")(
    lambda g: {"x": g.normal(3, 2_058), "codes": _bytes(g), "scales": _scales(g, 37, 294)}
)


HUGE = 1e200 * np.array([[1.0, -7.0, 3.0, 0.0], [7.0, 2.0, -1.0, 5.0]])
BROKEN = np.array([[1.0, 2.0, -3.0, 0.5], [1.0, np.nan, 1.0, 1.0]])
"""With one number that is none."""

for _name, _group in (("int8", {}), ("int4", {"group": 2})):
    large = LARGE.of(f"layers.quantize_{_name}")

    @large(5, "squares or sums that say whether numbers are finite", tolerance={"float64": 1e-9})
    def squares_beyond_float64(g: Generator, group: dict[str, int] = _group) -> Inputs:
        return {"weight": HUGE, **group}

    @large(5, "only infinities refused", raises="ValueError")
    def not_a_number(g: Generator, group: dict[str, int] = _group) -> Inputs:
        return {"weight": BROKEN, **group}

    @large(5, "only the infinity above refused", raises="ValueError")
    def infinity_below_zero(g: Generator, group: dict[str, int] = _group) -> Inputs:
        return {"weight": np.nan_to_num(BROKEN, nan=-np.inf), **group}


LARGE("layers.quantize_int4", 5, "a group that is cut to the row", "group_longer_than_the_row", raises="ValueError")(
    lambda g: {"weight": g.normal(3, 2), "group": 8}
)


@LARGE("layers.quantize_int4", 1, "a scale of the first 128 numbers of a group", tolerance=SHORT_SUM)
def groups_of_256(g: Generator) -> Inputs:
    steps = _steps(g, 3, 512, 7)
    steps.reshape(3, 2, 256)[:, :, :128] /= 5.0
    steps[:, 255::256] = -7
    return {"weight": steps * np.repeat(_scales(g, 3, 2), 256, axis=1), "group": 256}
