"""Large cases: beyond the sizes at which real code changes its way, made anew in every run from a stored rule.

The numbers come from a generator of our own, SplitMix64, so that they never change with a library. The answers come
from the reference. `--quick` leaves these cases out.

Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm_tokenizer.conformance.case import Case

Numbers = NDArray[Any]
Inputs = dict[str, Any]
TOLERANCE = {"float64": 1e-9}
"""Wide enough for any order of a sum over thousands of values, and far below what a wrong size does."""
GENERATED = {"float64": 1e-8, "exact": 1e-8, "inside": 2e-4}
"""That of the cases without a rule, varied and stretched; `inside` is for those who compute in float32."""


class Generator:
    """SplitMix64: number i is a mix of the bits of seed + i · 0x9E3779B97F4A7C15."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def bits(self, count: int) -> Numbers:
        """Return this many numbers of 64 random bits."""
        with np.errstate(over="ignore"):
            x = np.arange(self.state + 1, self.state + 1 + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        self.state += count
        mixed: Numbers = x ^ (x >> np.uint64(31))
        return mixed

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Numbers:
        """Return numbers from low to below high."""
        fractions: Numbers = (self.bits(int(np.prod(shape))) >> np.uint64(11)) * 2.0**-53
        numbers: Numbers = fractions.reshape(shape) * (high - low) + low
        return numbers

    def normal(self, *shape: int) -> Numbers:
        """Return nearly normal numbers of mean 0 and variance 1: the sum of twelve uniform ones, less 6."""
        numbers: Numbers = self.uniform(12, *shape).sum(axis=0) - 6.0
        return numbers

    def whole(self, *shape: int, below: int) -> Numbers:
        """Return whole numbers from 0 to below - 1."""
        numbers: Numbers = np.floor(self.uniform(*shape) * below).astype(np.int64)
        return numbers


Rule = Callable[[Generator], Inputs]


class LargeCases(dict[str, list[Callable[[], tuple[Case, bool]]]]):
    """The rules of a package's large cases, by contract: functions from a generator to inputs.

        LARGE = LargeCases()
        large = LARGE.of("layers.softmax")

        large(1, "a tile of an online softmax that is not rescaled", "four_thousand_keys")(
            lambda g: {"scores": g.normal(2, 4097), "axis": -1}
        )

    Each is tried in float64, or exactly, on one thread of a laptop in less than a second. `LargeCases(one, other)`
    joins the rules of several; `tolerance` is that of every rule that states no other.
    """

    def __init__(self, *others: LargeCases, tolerance: Mapping[str, float] = TOLERANCE) -> None:
        super().__init__()
        self.tolerance = tolerance
        for contract, cases in (item for other in others for item in other.items()):
            self.setdefault(contract, []).extend(cases)

    def of(self, contract: str) -> Callable[..., Callable[[Rule], Rule]]:
        """Return the decorator that adds rules for one contract."""
        return partial(self, contract)

    def __call__(
        self, contract: str, clause: int, catches: str, name: str = "", *,
        tolerance: Mapping[str, float] | None = None, gradients: bool = True, raises: str = "",
    ) -> Callable[[Rule], Rule]:  # fmt: skip
        """Return the decorator of a rule.

        Args:
            contract: Of which function.
            clause: The number of the clause that the case is about.
            catches: Which mistake.
            name: Of the case, if not that of the rule.
            tolerance: If not that of all these cases.
            gradients: Whether they are compared too.
            raises: The error that must come instead of an answer.
        """

        def keep(rule: Rule) -> Rule:
            def case() -> tuple[Case, bool]:
                id = name or str(rule.__name__)
                made = Case(
                    contract=contract, id=id, kind="large", clause=clause, catches=catches,
                    inputs=rule(Generator(sum(map(ord, id)))), raises=raises,
                    tolerance=dict(self.tolerance if tolerance is None else tolerance),
                )  # fmt: skip
                return made, gradients

            self.setdefault(contract, []).append(case)
            return rule

        return keep
