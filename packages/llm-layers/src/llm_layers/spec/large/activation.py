"""Large cases of the activations, and rules for every function that works number by number, over its whole range."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product

import numpy as np

from llm_layers.spec import SPECIFICATION
from llm_layers.spec.large.limits import ONLY_FLOAT64, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance=SHORT_SUM)

RANGE_ENDS = (
    1e-30, 1e-8, 1e-3, 1.0, 2.5, 3.35, 4.5, 6.0, 10.0, 20.0, 36.0, 88.0, 104.0, 709.0, 745.0, 1e4, 1e8, 1e18, 1e30,
)  # fmt: skip
"""Where approximations end and exponentials leave the range of float32 (88, 104) or of float64 (709, 745)."""


def whole_range(
    large: LargeCases, contract: str, clause: int, inputs: Callable[[Numbers], Inputs], *, flat: float = 1e30,
    smallest: float = 1e-30, largest: float = 1e30, float32: float = 1e30, near: float = 3e-6,
) -> None:  # fmt: skip
    """Add a rule for every piece of the range of an elementwise function, on both sides of zero.

    A formula such as x (1 + erf) / 2 rounds by a few bits of x, however small its result: so much is allowed. Where
    that is more than a quarter of the result, the piece also holds a 1, and is measured by what comes of that.

    Args:
        large: The cases to add to.
        contract: Of the function.
        clause: Which clause says that all sizes are allowed.
        inputs: Makes all inputs of the numbers.
        flat: From here on the gradient vanishes, and is measured by that of 1.
        smallest: From here on: nearer to zero the activation itself is measured.
        largest: Up to here: beyond it the results leave the range of float32.
        float32: From here on only float64 is asked for.
        near: The tolerance of float32 where nothing is lost.
    """
    function = getattr(SPECIFICATION.reference, contract.split(".")[1])
    order = [argument.name for argument in SPECIFICATION.contract(contract).inputs]
    ends = [end for end in RANGE_ENDS if smallest <= end <= largest]
    for (low, high), sign in product(pairwise(ends), (1.0, -1.0)):
        at_ends = inputs(sign * np.array([low, high]))
        scale = np.abs(function(*(at_ends[name] for name in order))).max()
        anchored = 2.0**-21 * high > 0.25 * scale or low >= flat
        lost = 0.0 if anchored else 8 * high / scale
        tolerance = {"float64": max(1e-11, lost * 2.0**-53), "inside": max(near, lost * 2.0**-24)}
        if high <= float32:
            tolerance["float32"] = tolerance["inside"]
            if sign > 0 or high <= 1.0:
                tolerance["bfloat16"] = 0.15
        name = f"{'above' if sign > 0 else 'below'}_zero_from_{low:g}_to_{high:g}"

        @large(
            contract, clause, "a function that is right in part of its range only",
            name.replace("-", "minus_").replace("+", ""), tolerance=tolerance,
        )  # fmt: skip
        def piece(
            g: Generator, low: float = sign * low, high: float = sign * high, anchored: bool = anchored
        ) -> Inputs:
            between = low * (high / low) ** g.uniform(57)
            ends = [low, np.nextafter(low, high), np.nextafter(high, low), high, 1.0 if anchored else low]
            return inputs(np.concatenate([between, ends]))


def thousands_of_numbers(large: LargeCases, contract: str, clause: int, inputs: Callable[[Numbers], Inputs]) -> None:
    """Add a rule with more numbers than 16 bits count, in no even pieces."""
    large(contract, clause, "numbers in pieces, the last one left out", "thousands_of_numbers", tolerance=SHORT_SUM)(
        lambda g: inputs(g.normal(3, 23_003) * 2.0)
    )


whole_range(LARGE, "layers.gelu", 3, lambda x: {"x": x})
whole_range(LARGE, "layers.gelu_tanh", 3, lambda x: {"x": x}, float32=1e18, near=6e-6)
whole_range(LARGE, "layers.silu", 3, lambda x: {"x": x})
whole_range(LARGE, "layers.relu_squared", 2, lambda x: {"x": x}, largest=1e18)
for _name in ("gelu", "gelu_tanh", "silu", "relu_squared"):
    thousands_of_numbers(LARGE, f"layers.{_name}", 4, lambda x: {"x": x})


for _name in ("gelu", "silu"):  # not gelu_tanh, whose cube ends before
    large = LARGE.of(f"layers.{_name}")
    large(3, "a product of something infinite and zero", "far_below_zero")(
        lambda g: {"x": np.append(-(10.0 ** np.arange(19.0, 39.0)), 1.0)}
    )
    large(3, "an exponent that is cut off", "far_below_zero_in_float64", tolerance=ONLY_FLOAT64)(
        lambda g: {"x": np.array([-1e200, -1e300, 1.0])}
    )
