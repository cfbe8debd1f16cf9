"""Large cases of attention, its softmax and its masks, and rules for every function of scores."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from llm_layers.spec.large.activation import thousands_of_numbers, whole_range
from llm_layers.spec.large.limits import BORDERS, LONG_SUM, ONLY_FLOAT64, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE, MASKS = LargeCases(tolerance=LONG_SUM), LargeCases()
KEYS = 4_099


def scores_far_from_zero(large: LargeCases, contract: str, clause: int, inputs: Callable[[Numbers], Inputs]) -> None:
    """Add rules with five rows of seven scores near ±88, ±104, ±709, ±745 and beyond."""
    for offset, (sign, side) in product((20.0, 88.0, 104.0, 709.0, 745.0, 1e4, 1e6), ((1, "above"), (-1, "below"))):

        @large(
            contract, clause, "exponentials that leave the range", f"scores_{offset:g}_{side}_zero".replace("+", ""),
            tolerance=ONLY_FLOAT64 if offset > 1e4 else {"float64": 1e-9, "float32": max(3e-4, offset * 5e-7)},
        )  # fmt: skip
        def scores(g: Generator, shift: float = sign * offset) -> Inputs:
            # Exact in float32 up to ten thousand, so that what is measured is the formula.
            return inputs(shift + np.round(g.normal(5, 7) * 1024) / 1024)


def scores_far_apart(large: LargeCases, contract: str, clause: int, inputs: Callable[[Numbers], Inputs]) -> None:
    """Add rules with five rows of seven scores: one is 0 and the others lie about so far below."""
    for gap in (20.0, 36.0, 88.0, 104.0, 709.0, 745.0, 1e4, 1e30):

        @large(
            contract, clause, "a probability that becomes 0 before its logarithm is taken",
            f"scores_{gap:g}_apart".replace("+", ""), tolerance=SHORT_SUM,
        )  # fmt: skip
        def scores(g: Generator, gap: float = gap) -> Inputs:
            below = -gap * g.uniform(5, 7, low=0.9, high=1.1)
            below[:, -1] = 0.0
            return inputs(below)


large = LARGE.of("layers.softmax")


def _rising(g: Generator) -> Any:
    """Return scores that grow, so that the largest comes in the last tile of an online softmax."""
    return g.normal(2, KEYS) + np.linspace(-12.0, 12.0, KEYS)


large(1, "a tile of an online softmax that is not rescaled", "four_thousand_rising_scores")(
    lambda g: {"scores": _rising(g), "axis": -1}
)
large(1, "tiles that keep the last tile's largest score", "four_thousand_falling_scores")(
    lambda g: {"scores": -_rising(g), "axis": 1}
)
large(1, "a sum over the first so many scores, or a float32 sum one by one", "scores_all_alike", tolerance=SHORT_SUM)(
    lambda g: {"scores": g.normal(5_003, 3), "axis": 0}
)


@large(1, "something small added to the sum", gradients=False, tolerance={"float64": 1e-9, "float32": 4e-7})
def one_score_far_above(g: Generator) -> Inputs:
    scores = np.round(-30.0 - g.uniform(5, 7) * 50.0)
    scores[np.arange(5), g.whole(5, below=7)] = 0.0
    return {"scores": scores, "axis": -1}


scores_far_from_zero(LARGE, "layers.softmax", 2, lambda scores: {"scores": scores, "axis": -1})
whole_range(LARGE, "layers.soft_cap", 3, lambda x: {"scores": x, "cap": 0.5}, flat=2.5, near=2e-5)
whole_range(LARGE, "layers.soft_cap", 3, lambda x: {"scores": x, "cap": 30.0}, flat=88.0, near=2e-5)
thousands_of_numbers(LARGE, "layers.soft_cap", 5, lambda x: {"scores": x, "cap": 1.5})


MASKS("layers.causal_mask", 2, "positions in 8 or 16 bits, or a triangle by index", "far_and_scattered")(
    lambda g: {
        "query_positions": np.concatenate([BORDERS, g.whole(113, below=200_000)]),
        "key_positions": np.concatenate([g.whole(KEYS - len(BORDERS), below=200_000), BORDERS]),
    }
)
for _window in (1, 255, 257, 1_025, 4_097, 70_001):

    @MASKS(
        "layers.sliding_window_mask", 1, "a window in 8 or 16 bits, or a band of limited width", f"window_of_{_window}"
    )
    def window_of_one_width(g: Generator, window: int = _window) -> Inputs:
        return {
            "query_positions": np.concatenate([BORDERS, g.whole(53, below=150_000), [9_001]]),
            "key_positions": np.concatenate([g.whole(1_031, below=150_000), BORDERS, 9_001 - np.arange(5_003)]),
            "window": window,
        }


def _queries_keys_values(g: Generator, queries: tuple[int, ...], keys: tuple[int, ...]) -> Inputs:
    """Return queries, keys and values; the scores rise along the keys."""
    query, key = g.normal(*queries), g.normal(*keys)
    query[..., 0] = np.abs(query[..., 0]) + 1.0
    key[..., 0] = np.linspace(-8.0, 8.0, keys[-2])
    return {"query": query, "key": key, "value": g.normal(*keys)}


def thousands_of_keys(
    large: LargeCases,
    contract: str,
    clauses: tuple[int, int],
    queries: tuple[int, ...] = (),
    keys: tuple[int, ...] = (),
    **more: Any,
) -> None:
    """Add rules over thousands of keys; `clauses`: of softmax and mask; `queries`, `keys`: how many heads, if any."""
    softmax, masked = clauses

    def inputs(g: Generator, query_count: int = 5, key_count: int = KEYS) -> Inputs:
        return {**_queries_keys_values(g, (*queries, query_count, 3), (*keys, key_count, 3)), **more}

    large(contract, softmax, "a tile of keys that is not rescaled, or left out at the end", "four_thousand_keys")(
        lambda g: {**inputs(g), "mask": None}
    )

    @large(contract, masked, "a tile whose keys are all hidden")
    def four_thousand_keys_mostly_hidden(g: Generator) -> Inputs:
        made = inputs(g)
        mask = g.uniform(5, KEYS) < 0.5
        mask[:4] = False  # the third query sees nothing, the last one anything
        mask[0, -3:] = mask[1, :2] = mask[3, ::3] = True
        return {**made, "mask": mask}

    @large(contract, masked, "a tile in which no query sees a key")
    def four_thousand_keys_in_stretches(g: Generator) -> Inputs:
        mask = np.ones((5, KEYS), bool)
        mask[:, 256:512] = mask[:, 1_024:2_048] = mask[:, 4_000:] = False
        return {**inputs(g), "mask": mask}

    @large(contract, masked, "tiles of queries, and the triangle of a mask by index")
    def many_queries(g: Generator) -> Inputs:
        query_positions, key_positions = g.whole(131, below=100_000), g.whole(259, below=100_000)
        return {**inputs(g, 131, 259), "mask": key_positions[None, :] <= query_positions[:, None]}


thousands_of_keys(LARGE, "layers.attention", (2, 3))
thousands_of_keys(LARGE, "layers.capped_attention", (1, 2), cap=6.0)


LARGE(
    "layers.capped_attention",
    1,
    "a cap left out where scores are far from it",
    "scores_far_from_the_cap",
    tolerance=SHORT_SUM,
)(lambda g: {name: g.normal(5, 4) for name in ("query", "key", "value")} | {"mask": None, "cap": 15.0})


@LARGE("layers.attention", clause=5, catches="a finite score for hidden keys, such as -1e9", tolerance=ONLY_FLOAT64)
def kept_scores_far_below_zero(g: Generator) -> Inputs:
    query, key = np.full((3, 4), 3e4), np.full((5, 4), -3e4)  # kept scores are alike, and -1.8e9
    mask = np.array([[True, True, False, False, False], [False, True, False, True, True], [True] * 4 + [False]])
    return {"query": query, "key": key, "value": g.normal(5, 4), "mask": mask}


@LARGE("layers.capped_attention", 2, "a finite score for hidden keys", tolerance=ONLY_FLOAT64)
def kept_scores_at_a_large_cap(g: Generator) -> Inputs:
    query, key = np.full((3, 4), 3e3), np.full((5, 4), -3e3)
    mask = np.array([[True, True, False, False, False], [False, True, False, True, True], [True] * 4 + [False]])
    return {"query": query, "key": key, "value": g.normal(5, 4), "mask": mask, "cap": 1e8}


LARGE(
    "layers.softmax",
    1,
    "weights that are rounded to so many places",
    "weights_of_every_size",
    tolerance={"float64": 1e-9, "each": 1e-3},
    gradients=False,
)(lambda g: {"scores": np.linspace(0.0, -60.0, 61).reshape(1, 61), "axis": -1})


@LARGE("layers.attention", 5, "float32 inside, where it is visible", tolerance={"float64": 1e-4})
def scores_of_a_million(g: Generator) -> Inputs:
    query, key = g.normal(5, 4), g.normal(37, 4)
    key[:, 0] = 1e6
    return {"query": query, "key": key, "value": g.normal(37, 4), "mask": None}


FAR_APART_BY_ONE = 2**24 + np.array([0, 1, 2, 3])
"""Positions that float32 cannot tell apart."""


MASKS("layers.causal_mask", 2, "negative positions that are taken for padding", "negative_positions")(
    lambda g: {"query_positions": np.array([-3, 0, 2]), "key_positions": np.array([-5, -3, -1, 0, 1])}
)
MASKS("layers.sliding_window_mask", 2, "a window that ends at position 0", "window_below_zero")(
    lambda g: {"query_positions": np.array([1, 0, -3]), "key_positions": np.array([-5, -3, -1, 0, 1]), "window": 4}
)
for _queries, _keys in ((0, 3), (3, 0)):

    @MASKS(
        "layers.sliding_window_mask", 6, "a window that is not looked at where there is nothing to see",
        f"no_window_of_{_queries}_and_{_keys}", raises="ValueError",
    )  # fmt: skip
    def no_window(g: Generator, queries: int = _queries, keys: int = _keys) -> Inputs:
        return {"query_positions": np.arange(queries), "key_positions": np.arange(keys), "window": 0}


for _axis, _shape in ((-2, (3, 5)), (-3, (2, 3, 4, 5)), (-2, (2, 3, 4, 5))):

    @LARGE("layers.softmax", 1, "a negative axis counted from the wrong end", f"axis_{-_axis}_of_{len(_shape)}")
    def another_axis(g: Generator, axis: int = _axis, shape: tuple[int, ...] = _shape) -> Inputs:
        return {"scores": g.normal(*shape), "axis": axis}


MASKS("layers.causal_mask", 2, "positions that are compared in float32", "beyond_float32")(
    lambda g: {"query_positions": FAR_APART_BY_ONE, "key_positions": FAR_APART_BY_ONE}
)
MASKS("layers.sliding_window_mask", 3, "positions that are compared in float32", "window_beyond_float32")(
    lambda g: {"query_positions": FAR_APART_BY_ONE, "key_positions": FAR_APART_BY_ONE, "window": 2}
)
MASKS("layers.document_mask", 2, "numbers in 8 or 16 bits, or compared in float32", "many_documents")(
    lambda g: {
        "query_documents": np.concatenate([BORDERS, FAR_APART_BY_ONE, g.whole(113, below=300)]),
        "key_documents": np.concatenate([g.whole(1_031, below=300), FAR_APART_BY_ONE, BORDERS, BORDERS]),
    }
)
MASKS("layers.document_mask", 3, "blocks of queries that see one stretch of keys", "long_documents")(
    lambda g: {"query_documents": np.arange(517) // 101, "key_documents": np.arange(KEYS) // 101 % 7}
)
for _cap, _word in ((-5.0, "negative_cap"), (np.nan, "cap_that_is_no_number")):

    @LARGE("layers.soft_cap", 6, "only a cap of zero refused", _word, raises="ValueError")
    def another_cap(g: Generator, cap: float = _cap) -> Inputs:
        return {"scores": g.normal(2, 3), "cap": cap}

    @LARGE("layers.capped_attention", 8, "only a cap of zero refused", f"{_word}_of_attention", raises="ValueError")
    def another_cap_of_attention(g: Generator, cap: float = _cap) -> Inputs:
        return {**{name: g.normal(2, 3) for name in ("query", "key", "value")}, "mask": None, "cap": cap}


LARGE = LargeCases(LARGE, MASKS)
