"""Large cases of attention with several heads, of its cache, and of splitting and merging heads."""

from __future__ import annotations

import numpy as np

from llm_layers.spec.large.attention import KEYS, thousands_of_keys
from llm_layers.spec.large.limits import LONG_SUM, ONLY_FLOAT64, SHORT_SUM
from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance=LONG_SUM)

thousands_of_keys(LARGE, "layers.grouped_query_attention", (3, 4), queries=(6,), keys=(2,))
thousands_of_keys(LARGE, "layers.multi_query_attention", (2, 3), queries=(3,))


for _contract, _clause, _heads in (
    ("layers.grouped_query_attention", 4, (4, 2)),
    ("layers.multi_query_attention", 3, (3,)),
):

    @LARGE(_contract, _clause, "a finite score for hidden keys, such as -1e4 or -1e9", tolerance=ONLY_FLOAT64)
    def kept_scores_far_below_zero(g: Generator, heads: tuple[int, ...] = _heads) -> Inputs:
        queries, keys = np.full((*heads[:1], 3, 4), 3e4), np.full((*heads[1:], 5, 4), -3e4)
        mask = np.array([[True, True, False, False, False], [False, True, False, True, True], [True] * 4 + [False]])
        return {"query": queries, "key": keys, "value": g.normal(*heads[1:], 5, 4), "mask": mask}


@LARGE("layers.multi_head_attention", 5, "a finite score for hidden keys", tolerance=ONLY_FLOAT64)
def heads_with_scores_far_below_zero(g: Generator) -> Inputs:
    x = np.ones((3, 4))
    x[:, 3] = g.normal(3)
    query, key = np.zeros((4, 4)), np.zeros((4, 4))
    query[:, 0], key[:, 0] = 3e4, -3e4
    mask = np.array([[True, True, False], [False, True, True], [True, False, True]])
    return {
        "x": x,
        "query": query,
        "key": key,
        "value": g.normal(4, 4),
        "output": g.normal(4, 4),
        "heads": 2,
        "mask": mask,
    }


LARGE("layers.grouped_query_attention", 1, "a limited number of heads", "many_heads")(
    lambda g: {"query": g.normal(206, 3, 2), "key": g.normal(103, 19, 2), "value": g.normal(103, 19, 2), "mask": None}
)


@LARGE("layers.multi_head_attention", 2, "a limited number of heads")
def dozens_of_heads(g: Generator) -> Inputs:
    weights = {name: g.normal(138, 5) for name in ("query", "key", "value")}
    return {"x": g.normal(1, 17, 5), **weights, "output": g.normal(5, 138), "heads": 69, "mask": np.tri(17, dtype=bool)}


def _cached(g: Generator, kept: int, new: int) -> Inputs:
    rows = {"query": new, "key": new, "value": new, "past_key": kept, "past_value": kept}
    inputs = {name: g.normal(2, count, 3) for name, count in rows.items()}
    inputs["past_key"][..., 0] = np.linspace(-8.0, 8.0, kept)
    return inputs


LARGE(
    "layers.cached_attention", 1, "a cache of so many rows, or tiles that are joined wrongly", "four_thousand_kept_keys"
)(lambda g: {**_cached(g, KEYS, 3), "positions": 9_000 + np.arange(3), "past_positions": np.arange(KEYS)})


@LARGE("layers.cached_attention", 3, "positions in 16 bits, or a mask by index")
def far_positions_in_no_order(g: Generator) -> Inputs:
    rows = _cached(g, 1_031, 37)
    return {**rows, "positions": g.whole(37, below=200_000), "past_positions": g.whole(1_031, below=200_000)}


LARGE("layers.split_heads", 1, "a limited number of heads", "hundred_heads", tolerance=SHORT_SUM)(
    lambda g: {"x": g.normal(3, 37, 131 * 3), "heads": 131}
)


LARGE("layers.split_heads", 5, "heads of no width", "more_heads_than_width", raises="ValueError")(
    lambda g: {"x": g.normal(2, 3, 4), "heads": 8}
)


@LARGE("layers.cached_attention", 3, "a single query that sees later keys too", tolerance=LONG_SUM)
def one_query_among_kept_keys(g: Generator) -> Inputs:
    new, past = {name: g.normal(1, 4) for name in ("query", "key", "value")}, g.normal(2, 5, 4)
    kept = {"past_key": past[0], "past_value": past[1], "past_positions": np.array([5, 1, 4, 0, 2])}
    return {**new, "positions": np.array([3]), **kept}


@LARGE("layers.multi_head_attention", 1, "weights of which only the first so many columns are read")
def wide_vectors(g: Generator) -> Inputs:
    weights = {name: g.normal(6, 259) / 16.0 for name in ("query", "key", "value")}
    return {"x": g.normal(7, 259), **weights, "output": g.normal(259, 6), "heads": 2, "mask": None}


@LARGE("layers.multi_head_attention", 5, "a row of the mask for each head where there are as many heads as queries")
def as_many_heads_as_queries(g: Generator) -> Inputs:
    weights = {name: g.normal(8, 6) for name in ("query", "key", "value")}
    return {"x": g.normal(2, 4, 6), **weights, "output": g.normal(6, 8), "heads": 4, "mask": np.tri(4, dtype=bool)}


for _positions in ((2, 0, 1), (5, 5, 6)):

    @LARGE("layers.cached_attention", 3, "a triangle by index where nothing is kept", f"nothing_kept_{_positions[0]}")
    def nothing_kept(g: Generator, positions: tuple[int, ...] = _positions) -> Inputs:
        return {**_cached(g, 0, 3), "positions": np.array(positions), "past_positions": np.zeros(0, np.int64)}
