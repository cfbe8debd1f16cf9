"""Large cases of the layers: rules, tried with answers of the reference.

Three kinds: sizes beyond the tiles, tables and integer widths of real code; every elementwise function over its whole
range, in pieces that are each measured by their own largest value; numbers that cost a careless formula its digits.
No size is a multiple of 16, and what is summed in pieces does not divide evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from llm_layers.spec import SPECIFICATION
from llm_tokenizer.conformance.large import Generator, LargeCases

Inputs = dict[str, Any]
LARGE = LargeCases()

ONLY_FLOAT64 = {"float64": 1e-6}
"""For numbers that float32 inside a float64 call gets visibly wrong, not by a rounding of the answer."""
SHORT = {"float64": 1e-9, "float32": 1e-5}
LONG = {"float64": 1e-9, "float32": 6e-5}
"""For sums over thousands of numbers, or chains of many steps."""
ROUGH = {"float64": 1e-9, "float32": 1e-3}
"""For what comes of a hundred thousand numbers, each of them small beside the sum."""
FAR = {"float64": 1e-9, "exact": 1e-9, "float32": 3e-2}
"""For positions of 10⁵: float32 angles are off by about 0.01 radians, as in much code that people use."""

BORDERS = (0, 127, 128, 255, 256, 1023, 1024, 2047, 2048, 4095, 4096, 8191, 8192, 32767, 32768, 65535, 65536, 131071)
"""On both sides of the ends of common tables and integer widths."""


def _rule(contract: str, name: str, make: Callable[[Generator], Inputs], catches: str, **settings: Any) -> None:
    """Add a rule under a name that is made from numbers."""
    make.__name__ = name
    LARGE(contract, catches=catches, **settings)(make)


# --- Embedding, linear maps, adapters

BIG_IDS = np.array([[*BORDERS], [*range(200_002, 200_002 - 2 * len(BORDERS), -2)]])


@LARGE("layers.embedding", clause=1, catches="ids kept in 8 or 16 bits, or a table of limited size", tolerance=SHORT)
def two_hundred_thousand_tokens(g: Generator) -> Inputs:
    return {"ids": BIG_IDS, "table": g.normal(200_003, 1)}


@LARGE("layers.embedding", clause=2, catches="gradients that are summed in pieces, or at most so many", tolerance=LONG)
def thousands_of_uses(g: Generator) -> Inputs:
    return {"ids": g.whole(5_003, below=11), "table": g.normal(11, 3)}


@LARGE(
    "layers.tied_head", clause=1, catches="logits in pieces of the vocabulary, the last one left out", tolerance=LONG
)
def all_tokens_of_llama3(g: Generator) -> Inputs:
    return {"x": g.normal(3, 2), "table": g.normal(128_257, 2)}


@LARGE("layers.tied_head", clause=3, catches="a gradient of the table from the first rows of states", tolerance=LONG)
def thousands_of_states(g: Generator) -> Inputs:
    return {"x": g.normal(7, 589, 3), "table": g.normal(23, 3)}


@LARGE("layers.linear", clause=1, catches="a product in tiles whose last one is left out", tolerance=LONG)
def wide_rows(g: Generator) -> Inputs:
    return {"x": g.normal(2, 3, 4_099), "weight": g.normal(13, 4_099), "bias": g.normal(13)}


@LARGE("layers.linear", clause=3, catches="gradients of weight and bias from a limited number of rows", tolerance=LONG)
def thousands_of_rows(g: Generator) -> Inputs:
    return {"x": g.normal(4_099, 3), "weight": g.normal(37, 3), "bias": g.normal(37)}


@LARGE("layers.lora_linear", clause=1, catches="a rank cut off at 64, or divided out again", tolerance=LONG)
def rank_of_a_hundred(g: Generator) -> Inputs:
    down, up = g.normal(131, 517), g.normal(7, 131)
    return {"x": g.normal(3, 517), "weight": g.normal(7, 517), "down": down, "up": up, "scale": 0.375}


@LARGE("layers.lora_linear", clause=4, catches="gradients from a limited number of rows", tolerance=LONG)
def corrections_of_many_rows(g: Generator) -> Inputs:
    down, up = g.normal(2, 5), g.normal(7, 2)
    return {"x": g.normal(3, 1_367, 5), "weight": g.normal(7, 5), "down": down, "up": up, "scale": 2.5}


@LARGE("layers.merge_lora", clause=1, catches="a rank cut off at 64, or divided out again", tolerance=LONG)
def merged_rank_of_a_hundred(g: Generator) -> Inputs:
    return {"weight": g.normal(67, 301), "down": g.normal(131, 301), "up": g.normal(67, 131), "scale": 0.375}


# --- Positions

FAR_PLACES = np.array([131_072, 5, 99_991, 5, 65_537, 255, 256, 32_769, 131_071, 4_097, 1_025, 0])
"""In no order, repeated, up to the longest texts; 257 and more are no longer whole in bfloat16."""


@LARGE("layers.learned_positions", clause=2, catches="positions in 16 bits, or a slice of the table", tolerance=SHORT)
def places_of_long_texts(g: Generator) -> Inputs:
    return {"x": g.normal(2, 12, 1), "table": g.normal(131_073, 1), "positions": FAR_PLACES}


@LARGE("layers.learned_positions", clause=4, catches="a row's gradient from the first text only", tolerance=LONG)
def many_texts(g: Generator) -> Inputs:
    return {"x": g.normal(37, 103, 3), "table": g.normal(211, 3), "positions": g.whole(37, 103, below=211)}


@LARGE("layers.sinusoidal_positions", clause=2, catches="positions in bfloat16 or from a table", tolerance=FAR)
def waves_of_long_texts(g: Generator) -> Inputs:
    return {"positions": np.array([*BORDERS, *FAR_PLACES]), "d_model": 258, "base": 10_000.0}


@LARGE("layers.sinusoidal_positions", clause=3, catches="waves remembered by the shape of the positions", tolerance=FAR)
def waves_of_as_many_others(g: Generator) -> Inputs:
    return {"positions": np.array([*FAR_PLACES, *BORDERS]) // 3, "d_model": 258, "base": 10_000.0}


@LARGE(
    "layers.sinusoidal_positions", clause=3, catches="a table of so many rows",
    tolerance={"exact": 1e-9, "float32": 2e-3},
)  # fmt: skip
def waves_of_thousands(g: Generator) -> Inputs:
    return {"positions": 7 + 2 * np.arange(2_051), "d_model": 10, "base": 500.0}


@LARGE(
    "layers.inverse_frequencies", clause=2, catches="heads of at most 128 numbers",
    tolerance={"exact": 1e-11, "float32": 5e-6},
)  # fmt: skip
def speeds_of_wide_heads(g: Generator) -> Inputs:
    return {"d_head": 258, "base": 20.0}  # so that the slowest, too, is seen beside the fastest


for _contract in ("layers.rotary", "layers.rotary_interleaved"):

    @LARGE(_contract, clause=3, catches="positions in bfloat16, in 16 bits, or from a table", tolerance=FAR)
    def turns_of_long_texts(g: Generator) -> Inputs:
        return {"x": g.normal(2, 12, 258), "positions": FAR_PLACES, "base": 500_000.0}

    @LARGE(_contract, clause=3, catches="angles remembered by the shape of the positions", tolerance=FAR)
    def turns_of_as_many_others(g: Generator) -> Inputs:
        return {"x": g.normal(2, 12, 258), "positions": FAR_PLACES[::-1] // 3, "base": 500_000.0}

    @LARGE(
        _contract, clause=3, catches="a table of angles of so many rows", tolerance={"float64": 1e-9, "float32": 2e-3}
    )
    def turns_of_thousands(g: Generator) -> Inputs:
        return {"x": g.normal(2_051, 6), "positions": 7 + 2 * np.arange(2_051), "base": 500.0}


def _speeds(pairs: int, base: float) -> np.ndarray[Any, Any]:
    speeds: np.ndarray[Any, Any] = base ** (-np.arange(pairs) / pairs)
    return speeds


@LARGE("layers.linear_scaling", clause=1, catches="a scaling of the first pairs only", tolerance=SHORT)
def scaled_wide_head(g: Generator) -> Inputs:
    return {"speeds": _speeds(129, 20.0), "factor": 32.0}


@LARGE("layers.llama3_scaling", clause=3, catches="a passage that is right for small heads only", tolerance=SHORT)
def llama3_wide_head(g: Generator) -> Inputs:
    return {
        "speeds": _speeds(129, 20.0), "factor": 8.0, "low_frequency_factor": 1.0, "high_frequency_factor": 4.0,
        "original_context": 51,
    }  # fmt: skip


@LARGE("layers.yarn_scaling", clause=4, catches="a passage that is right for small heads only", tolerance=LONG)
def yarn_wide_head(g: Generator) -> Inputs:
    return {
        "speeds": _speeds(129, 20.0), "base": 20.0, "factor": 4.0, "original_context": 51, "beta_fast": 4.0,
        "beta_slow": 1.0,
    }  # fmt: skip


for _factor in (1e-30, 0.999, 1.0 + 1e-9, 1.001, 2.0, 10.0, 65.0, 1000.0, 1e30):
    _rule(
        "layers.yarn_attention_factor", f"factor_{_factor:g}", lambda g, factor=_factor: {"factor": factor},  # type: ignore[misc]
        "a logarithm that is right for some factors only", clause=1, tolerance={"exact": 1e-12, "float32": 2e-6},
    )  # fmt: skip


# --- Norms


@LARGE("layers.rms_norm", clause=1, catches="a mean of the means of pieces", tolerance=LONG)
def wide_vectors(g: Generator) -> Inputs:
    # What the first and the last numbers add differs, so that a piece that is left out shows.
    grown = np.linspace(0.5, 3.0, 16_387)
    return {"x": g.normal(3, 16_387) * grown, "gain": g.normal(16_387), "eps": 1e-5}


@LARGE("layers.rms_norm", clause=4, catches="a gain's gradient from a limited number of rows", tolerance=LONG)
def gain_of_many_rows(g: Generator) -> Inputs:
    return {"x": g.normal(7, 589, 3), "gain": g.normal(3), "eps": 1e-6}


for _size in (1e-60, 1e-25, 1e-12, 1e12, 1e25, 1e60):
    _rule(
        "layers.rms_norm", f"vectors_of_{_size:g}",
        lambda g, size=_size: {"x": size * g.normal(3, 7), "gain": g.normal(7), "eps": (size / 3) ** 2},  # type: ignore[misc]
        "squares that leave the range, or an eps of one's own", clause=2,
        tolerance=SHORT if 1e-15 < _size < 1e15 else ONLY_FLOAT64,
    )  # fmt: skip


@LARGE("layers.layer_norm", clause=2, catches="a mean or variance in pieces that are joined wrongly", tolerance=LONG)
def wide_and_uneven(g: Generator) -> Inputs:
    grown = np.linspace(-2.0, 3.0, 16_387)
    return {"x": g.normal(2, 16_387) + grown, "gain": g.normal(16_387), "bias": g.normal(16_387), "eps": 1e-5}


@LARGE("layers.layer_norm", clause=5, catches="the variance as E[x²] - m², in float64", tolerance=ONLY_FLOAT64)
def wide_and_far_from_zero(g: Generator) -> Inputs:
    x = g.normal(2, 16_387) + 1_234_567.0
    return {"x": x, "gain": g.normal(16_387), "bias": g.normal(16_387), "eps": 1e-5}


@LARGE(
    "layers.layer_norm", clause=5, catches="the variance as E[x²] - m², in float32",
    tolerance={"float64": 1e-9, "float32": 1e-3},
)  # fmt: skip
def far_from_zero_in_float32(g: Generator) -> Inputs:
    x = np.round(g.normal(3, 1_031) * 256) / 256 + 1000.0  # exact in float32
    return {"x": x, "gain": g.normal(1_031), "bias": g.normal(1_031), "eps": 1e-5}


@LARGE("layers.layer_norm", clause=5, catches="float32 inside, where it is visible", tolerance=ONLY_FLOAT64)
def a_million_away(g: Generator) -> Inputs:
    return {"x": g.normal(5, 37) - 1_234_567.8, "gain": g.normal(37), "bias": g.normal(37), "eps": 1e-5}


@LARGE(
    "layers.layer_norm", clause=6, catches="gradients of gain and bias from a limited number of rows", tolerance=LONG
)
def norms_of_many_rows(g: Generator) -> Inputs:
    return {"x": g.normal(7, 589, 3), "gain": g.normal(3), "bias": g.normal(3), "eps": 1e-2}


@LARGE("layers.query_key_norm", clause=2, catches="heads beyond 128 numbers, or positions in pieces", tolerance=LONG)
def many_wide_heads(g: Generator) -> Inputs:
    return {
        "query": g.normal(5, 67, 258), "key": g.normal(2, 67, 258) * 2.0,
        "query_gain": g.normal(258), "key_gain": g.normal(258), "eps": 1e-6,
    }  # fmt: skip


for _contract in ("layers.pre_norm", "layers.post_norm", "layers.branch_norm"):

    @LARGE(_contract, clause=3, catches="a width that is cut into tiles", tolerance=LONG)
    def wide_stream(g: Generator) -> Inputs:
        return {"x": g.normal(5, 259), "gain": g.normal(259), "weight": g.normal(259, 259) / 16.0, "eps": 1e-5}

    @LARGE(_contract, clause=5, catches="gradients from a limited number of rows", tolerance=LONG)
    def long_stream(g: Generator) -> Inputs:
        return {"x": g.normal(7, 589, 3), "gain": g.normal(3), "weight": g.normal(3, 3), "eps": 1e-2}


@LARGE("layers.dropout", clause=2, catches="a mask that is repeated after so many numbers", tolerance=SHORT)
def mask_of_thousands(g: Generator) -> Inputs:
    return {"x": g.normal(5, 4_099), "kept": g.uniform(5, 4_099) < 0.7, "rate": 0.3}


# --- Attention

KEYS = 4_099


def _rising(g: Generator, *shape: int) -> np.ndarray[Any, Any]:
    """Return numbers that grow along the last axis, so that the largest comes in the last tile of an online softmax."""
    numbers: np.ndarray[Any, Any] = g.normal(*shape) + np.linspace(-12.0, 12.0, shape[-1])
    return numbers


@LARGE("layers.softmax", clause=1, catches="a tile of an online softmax that is not rescaled", tolerance=LONG)
def four_thousand_rising_scores(g: Generator) -> Inputs:
    return {"scores": _rising(g, 2, KEYS), "axis": -1}


@LARGE("layers.softmax", clause=1, catches="tiles that keep the last tile's largest score", tolerance=LONG)
def four_thousand_falling_scores(g: Generator) -> Inputs:
    return {"scores": -_rising(g, 2, KEYS), "axis": 1}


@LARGE(
    "layers.softmax",
    clause=1,
    catches="a sum over the first so many scores, or a float32 sum one by one",
    tolerance=SHORT,
)
def scores_all_alike(g: Generator) -> Inputs:
    return {"scores": g.normal(5_003, 3), "axis": 0}


@LARGE(
    "layers.softmax", clause=1, catches="something small added to the denominator", gradients=False,
    tolerance={"float64": 1e-9, "float32": 4e-7},
)  # fmt: skip
def one_score_far_above(g: Generator) -> Inputs:
    scores = np.round(-30.0 - g.uniform(5, 7) * 50.0)
    scores[np.arange(5), g.whole(5, below=7)] = 0.0
    return {"scores": scores, "axis": -1}


def _mask(g: Generator, keys: int, queries: int = 5) -> np.ndarray[Any, Any]:
    """Return a mask whose first queries see the last keys only, the first only, none, every third; the rest any."""
    mask = g.uniform(queries, keys) < 0.5
    mask[:4] = False
    mask[0, -3:] = mask[1, :2] = mask[3, ::3] = True
    return mask


def _qkv(g: Generator, queries: tuple[int, ...], keys: tuple[int, ...]) -> Inputs:
    """Return queries, keys and values; the scores rise along the keys."""
    query, key = g.normal(*queries), g.normal(*keys)
    query[..., 0] = np.abs(query[..., 0]) + 1.0
    key[..., 0] = np.linspace(-8.0, 8.0, keys[-2])
    return {"query": query, "key": key, "value": g.normal(*keys)}


def _attentions(
    contract: str, queries: tuple[int, ...], keys: tuple[int, ...], clauses: tuple[int, int], **more: Any
) -> None:
    """Add the rules of an attention over thousands of keys; `clauses`: of the softmax and of the mask."""
    plain, hidden = clauses

    @LARGE(
        contract, clause=plain, catches="a tile of keys that is not rescaled, or left out at the end", tolerance=LONG
    )
    def four_thousand_keys(g: Generator) -> Inputs:
        return {**_qkv(g, queries, keys), "mask": None, **more}

    @LARGE(contract, clause=hidden, catches="a tile whose keys are all hidden", tolerance=LONG)
    def four_thousand_keys_mostly_hidden(g: Generator) -> Inputs:
        return {**_qkv(g, queries, keys), "mask": _mask(g, keys[-2], queries[-2]), **more}

    @LARGE(contract, clause=hidden, catches="tiles of queries, and the triangle of a mask by index", tolerance=LONG)
    def many_queries(g: Generator) -> Inputs:
        few, many = (*queries[:-2], 131, queries[-1]), (*keys[:-2], 259, keys[-1])
        places = g.whole(131, below=100_000), g.whole(259, below=100_000)
        return {**_qkv(g, few, many), "mask": places[1][None, :] <= places[0][:, None], **more}


_attentions("layers.attention", (5, 3), (KEYS, 3), (2, 3))
_attentions("layers.capped_attention", (5, 3), (KEYS, 3), (1, 2), cap=6.0)
_attentions("layers.grouped_query_attention", (6, 5, 3), (2, KEYS, 3), (3, 4))
_attentions("layers.multi_query_attention", (3, 5, 3), (KEYS, 3), (2, 3))


@LARGE("layers.attention", clause=1, catches="heads beyond 128 numbers", tolerance=LONG)
def wide_head(g: Generator) -> Inputs:
    return {"query": g.normal(3, 259), "key": g.normal(37, 259), "value": g.normal(37, 259), "mask": None}


@LARGE("layers.attention", clause=5, catches="float32 inside, where it is visible", tolerance=ONLY_FLOAT64)
def scores_of_a_million(g: Generator) -> Inputs:
    query, key = g.normal(5, 4), g.normal(37, 4)
    key[:, 0] = 1e6
    return {"query": query, "key": key, "value": g.normal(37, 4), "mask": None}


@LARGE("layers.grouped_query_attention", clause=1, catches="a limited number of heads", tolerance=LONG)
def many_heads(g: Generator) -> Inputs:
    return {"query": g.normal(134, 3, 2), "key": g.normal(67, 19, 2), "value": g.normal(67, 19, 2), "mask": None}


@LARGE(
    "layers.multi_head_attention",
    clause=3,
    catches="tiles of an online softmax, at hundreds of positions",
    tolerance=LONG,
)
def hundreds_of_positions(g: Generator) -> Inputs:
    weights = {name: g.normal(6, 5) for name in ("query", "key", "value")}
    places = g.whole(523, below=100_000)
    mask = places[None, :] <= places[:, None]
    return {"x": g.normal(523, 5), **weights, "output": g.normal(5, 6), "heads": 2, "mask": mask}


@LARGE("layers.multi_head_attention", clause=2, catches="a limited number of heads", tolerance=LONG)
def dozens_of_heads(g: Generator) -> Inputs:
    weights = {name: g.normal(138, 5) for name in ("query", "key", "value")}
    return {"x": g.normal(1, 17, 5), **weights, "output": g.normal(5, 138), "heads": 69, "mask": None}


def _kept(g: Generator, kept: int, new: int) -> Inputs:
    names = {"query": new, "key": new, "value": new, "past_key": kept, "past_value": kept}
    rows = {name: g.normal(2, count, 3) for name, count in names.items()}
    rows["past_key"][..., 0] = np.linspace(-8.0, 8.0, kept)
    return rows


@LARGE(
    "layers.cached_attention",
    clause=1,
    catches="a cache of so many rows, or tiles that are joined wrongly",
    tolerance=LONG,
)
def four_thousand_kept_keys(g: Generator) -> Inputs:
    rows = _kept(g, KEYS, 3)
    return {**rows, "positions": 9_000 + np.arange(3), "past_positions": np.arange(KEYS)}


@LARGE("layers.cached_attention", clause=3, catches="positions in 16 bits, or a mask by index", tolerance=LONG)
def far_positions_in_no_order(g: Generator) -> Inputs:
    rows = _kept(g, 1_031, 37)
    return {**rows, "positions": g.whole(37, below=200_000), "past_positions": g.whole(1_031, below=200_000)}


@LARGE("layers.causal_mask", clause=2, catches="positions in 8 or 16 bits, or a triangle by index")
def far_and_scattered(g: Generator) -> Inputs:
    return {
        "query_positions": np.concatenate([BORDERS, g.whole(113, below=200_000)]),
        "key_positions": np.concatenate([g.whole(KEYS - len(BORDERS), below=200_000), BORDERS]),
    }


@LARGE("layers.causal_mask", clause=1, catches="a mask of limited size")
def square_of_a_thousand(g: Generator) -> Inputs:
    return {"query_positions": np.arange(1_031), "key_positions": np.arange(1_031)}


for _window in (1, 255, 257, 1_025, 4_097, 70_001):
    _rule(
        "layers.sliding_window_mask", f"window_of_{_window}",
        lambda g, window=_window: {  # type: ignore[misc]
            "query_positions": np.concatenate([BORDERS, g.whole(53, below=150_000), [9_001]]),
            "key_positions": np.concatenate([g.whole(1_031, below=150_000), BORDERS, 9_001 - np.arange(5_003)]),
            "window": window,
        },
        "a window in 8 or 16 bits, or a band of limited width", clause=1,
    )  # fmt: skip


@LARGE("layers.split_heads", clause=1, catches="a limited number of heads", tolerance=SHORT)
def hundred_heads(g: Generator) -> Inputs:
    return {"x": g.normal(3, 37, 131 * 3), "heads": 131}


@LARGE("layers.split_heads", clause=2, catches="positions in pieces", tolerance=SHORT)
def thousands_of_positions(g: Generator) -> Inputs:
    return {"x": g.normal(4_099, 6), "heads": 3}


@LARGE("layers.merge_heads", clause=1, catches="a limited number of heads", tolerance=SHORT)
def hundred_heads_joined(g: Generator) -> Inputs:
    return {"x": g.normal(3, 131, 37, 3)}


@LARGE("layers.merge_heads", clause=2, catches="positions in pieces", tolerance=SHORT)
def thousands_of_positions_joined(g: Generator) -> Inputs:
    return {"x": g.normal(3, 4_099, 2)}


# --- Elementwise functions over their whole range

LIMITS = (
    1e-30,
    1e-8,
    1e-3,
    1.0,
    2.5,
    3.35,
    4.5,
    6.0,
    10.0,
    20.0,
    36.0,
    88.0,
    104.0,
    709.0,
    745.0,
    1e4,
    1e8,
    1e18,
    1e30,
)
"""Where approximations end and exponentials leave the range of float32 (88, 104) or of float64 (709, 745)."""


def _ranges(
    contract: str,
    clause: int,
    inputs: Callable[[np.ndarray[Any, Any]], Inputs],
    *,
    flat: float = 1e30,
    smallest: float = 0.0,
    largest: float = 1e30,
    float32: float = 1e30,
    near: float = 3e-6,
) -> None:
    """Add a rule for every piece of the range of an elementwise function, on both sides of zero.

    A formula such as x (1 + erf) / 2 rounds by a few bits of x, however small its result: so much is allowed. Where
    that is more than a quarter of the result, the piece also holds a 1, and is measured by what comes of that.

    Args:
        contract: Of the function.
        clause: Which clause says that all sizes are allowed.
        inputs: Makes all inputs of the numbers.
        flat: From here on the gradient vanishes, and is measured by that of 1.
        smallest: From here on: nearer to zero the activation itself is measured.
        largest: Up to here: beyond it the results leave the range of float32.
        float32: From here on only float64 is asked for.
        near: The tolerance of float32 where nothing is lost.
    """
    name = contract.split(".")[1]
    order = [argument.name for argument in SPECIFICATION.contract(contract).inputs]
    for low, high in pairwise(LIMITS):
        for sign, side in ((1.0, "above"), (-1.0, "below")) if smallest <= low and high <= largest else ():
            made = inputs(sign * np.array([low, high]))
            scale = np.abs(getattr(SPECIFICATION.reference, name)(*(made[one] for one in order))).max()
            anchored = 2.0**-21 * high > 0.25 * scale or low >= flat
            lost = 0.0 if anchored else 8 * high / scale
            tolerance = {"float64": max(1e-11, lost * 2.0**-53)}
            if high <= float32:
                tolerance["float32"] = max(near, lost * 2.0**-24)
                if sign > 0 or high <= 1.0:
                    tolerance["bfloat16"] = 0.15

            def piece(
                g: Generator, low: float = sign * low, high: float = sign * high, anchored: bool = anchored
            ) -> Inputs:
                between = low * (high / low) ** g.uniform(57)
                ends = [low, np.nextafter(low, high), np.nextafter(high, low), high, 1.0 if anchored else low]
                return inputs(np.concatenate([between, ends]))

            _rule(
                contract, f"{side}_zero_from_{low:g}_to_{high:g}".replace("-", "minus_").replace("+", ""), piece,
                "a function that is right in part of its range only", clause=clause, tolerance=tolerance,
            )  # fmt: skip


_ONE = np.ones((1, 1))
_ranges("layers.gelu", 3, lambda x: {"x": x})
_ranges("layers.gelu_tanh", 3, lambda x: {"x": x}, float32=1e18, near=6e-6)
_ranges("layers.silu", 3, lambda x: {"x": x})
_ranges("layers.relu_squared", 2, lambda x: {"x": x}, largest=1e18)
_ranges("layers.soft_cap", 3, lambda x: {"scores": x, "cap": 0.5}, flat=2.5, near=2e-5)
_ranges("layers.soft_cap", 3, lambda x: {"scores": x, "cap": 30.0}, flat=88.0, near=2e-5)
_ranges(
    "layers.swiglu",
    4,
    lambda x: {"x": x[:, None], "gate": _ONE, "up": _ONE / 2, "down": _ONE},
    smallest=1.0,
    largest=1e18,
    near=1.5e-5,
)
_ranges(
    "layers.geglu",
    4,
    lambda x: {"x": x[:, None], "gate": _ONE, "up": _ONE / 2, "down": _ONE},
    smallest=1.0,
    largest=1e8,
    near=1.5e-5,
)
_ranges(
    "layers.gelu_feed_forward", 4,
    lambda x: {"x": x[:, None], "up": _ONE, "up_bias": np.zeros(1), "down": _ONE, "down_bias": np.zeros(1)},
    smallest=1.0, largest=1e8, near=3e-5,
)  # fmt: skip


def _many(contract: str, clause: int, inputs: Callable[[np.ndarray[Any, Any]], Inputs]) -> None:
    @LARGE(contract, clause=clause, catches="numbers in pieces, the last one left out", tolerance=SHORT)
    def thousands_of_numbers(g: Generator) -> Inputs:
        return inputs(g.normal(3, 4_099) * 2.0)


for _name, _clause in (("gelu", 4), ("gelu_tanh", 4), ("silu", 4), ("relu_squared", 4)):
    _many(f"layers.{_name}", _clause, lambda x: {"x": x})
_many("layers.soft_cap", 5, lambda x: {"scores": x, "cap": 1.5})


def _offsets(contract: str, clause: int, inputs: Callable[[np.ndarray[Any, Any]], Inputs], width: int = 7) -> None:
    """Add rules with scores far from zero: rows of scores near ±88, ±104, ±709, ±745 and beyond."""
    for offset in (20.0, 88.0, 104.0, 709.0, 745.0, 1e4, 1e6):
        for sign, side in ((1.0, "above"), (-1.0, "below")):
            _rule(
                contract, f"scores_{offset:g}_{side}_zero".replace("+", ""),
                # Exact in float32 up to ten thousand, so that what is measured is the formula.
                lambda g, shift=sign * offset: inputs(shift + np.round(g.normal(5, width) * 1024) / 1024),  # type: ignore[misc]
                "exponentials that leave the range", clause=clause,
                tolerance=ONLY_FLOAT64 if offset > 1e4 else {"float64": 1e-9, "float32": max(3e-4, offset * 5e-7)},
            )  # fmt: skip


def _gaps(contract: str, clause: int, inputs: Callable[[np.ndarray[Any, Any]], Inputs], width: int = 7) -> None:
    """Add rules with scores far apart: in each row one is 0 and the others lie about so far below."""
    for gap in (20.0, 36.0, 88.0, 104.0, 709.0, 745.0, 1e4, 1e30):

        def rows(g: Generator, gap: float = gap) -> Inputs:
            scores = -gap * g.uniform(5, width, low=0.9, high=1.1)
            scores[:, -1] = 0.0
            return inputs(scores)

        _rule(
            contract, f"scores_{gap:g}_apart".replace("+", ""), rows,
            "a probability that becomes 0 before its logarithm is taken", clause=clause, tolerance=SHORT,
        )  # fmt: skip


_TARGETS = np.array([0, 6, 2, -1, 3])  # the fourth is ignored; the second is the row's largest
_offsets("layers.softmax", 2, lambda s: {"scores": s, "axis": -1})
_offsets("layers.cross_entropy", 5, lambda z: {"logits": z, "targets": _TARGETS, "ignored": -1})
_offsets(
    "layers.smoothed_cross_entropy", 6, lambda z: {"logits": z, "targets": _TARGETS, "smoothing": 0.1, "ignored": -1}
)
_offsets("layers.z_loss", 5, lambda z: {"logits": z, "targets": _TARGETS, "ignored": -1})
_offsets("layers.router_z_loss", 3, lambda z: {"logits": z})
_offsets("layers.load_balancing_loss", 6, lambda z: {"logits": z, "k": 2})
_offsets("layers.top_k_router", 5, lambda z: {"logits": z, "k": 3, "norm_topk_prob": False})
_gaps("layers.cross_entropy", 5, lambda z: {"logits": z, "targets": _TARGETS, "ignored": -1})
_gaps("layers.smoothed_cross_entropy", 6, lambda z: {"logits": z, "targets": _TARGETS, "smoothing": 0.1, "ignored": -1})


# --- Feed-forward parts


def _wide_and_long(contract: str, clauses: tuple[int, int], weights: Mapping[str, tuple[str, ...]]) -> None:
    """Add rules with a wide hidden layer and with many vectors; `weights`: name -> axes, of d_model m and d_ff f."""

    def inputs(g: Generator, vectors: int, m: int, f: int) -> Inputs:
        sizes = {"m": m, "f": f}
        made = {name: g.normal(*(sizes[axis] for axis in axes)) for name, axes in weights.items()}
        return {"x": g.normal(vectors, m), **made}

    wide, many = clauses

    @LARGE(contract, clause=wide, catches="a hidden layer in tiles, the last one left out", tolerance=LONG)
    def wide_hidden_layer(g: Generator) -> Inputs:
        return inputs(g, 3, 5, 2_051)

    @LARGE(contract, clause=many, catches="vectors in pieces, or gradients of the first ones only", tolerance=LONG)
    def thousands_of_vectors(g: Generator) -> Inputs:
        return inputs(g, 4_099, 3, 2)


_GATED = {"gate": ("f", "m"), "up": ("f", "m"), "down": ("m", "f")}
_wide_and_long("layers.swiglu", (2, 5), _GATED)
_wide_and_long("layers.geglu", (2, 5), _GATED)
_wide_and_long("layers.relu_squared_feed_forward", (1, 4), {"up": ("f", "m"), "down": ("m", "f")})
_wide_and_long(
    "layers.gelu_feed_forward", (1, 5),
    {"up": ("f", "m"), "up_bias": ("f",), "down": ("m", "f"), "down_bias": ("m",)},
)  # fmt: skip


# --- Experts


@LARGE("layers.top_k_router", clause=3, catches="a limited number of experts, or indices in 8 bits", tolerance=LONG)
def three_hundred_experts(g: Generator) -> Inputs:
    return {"logits": g.normal(37, 301), "k": 9, "norm_topk_prob": True}


@LARGE("layers.top_k_router", clause=1, catches="tokens in pieces, the last one left out", tolerance=LONG)
def thousands_of_tokens(g: Generator) -> Inputs:
    return {"logits": g.normal(1_031, 67), "k": 2, "norm_topk_prob": False}


@LARGE(
    "layers.top_k_router",
    clause=3,
    catches="a sort that does not keep the order of equals where rows are long",
    tolerance=LONG,
)
def equal_logits_of_many_experts(g: Generator) -> Inputs:
    return {"logits": np.floor(g.normal(37, 131)), "k": 7, "norm_topk_prob": True}


def _experts(g: Generator, tokens: int, experts: int, width: int) -> Inputs:
    stacks = {name: g.normal(experts, width, 5) for name in ("gate", "up")}
    return {"x": g.normal(tokens, 5), "router": g.normal(experts, 5), **stacks, "down": g.normal(experts, 5, width)}


@LARGE("layers.mixture_of_experts", clause=2, catches="a capacity: tokens that a full expert drops", tolerance=LONG)
def crowded_experts(g: Generator) -> Inputs:
    made = _experts(g, 301, 67, 3)
    made["x"][:, 0] += 2.0  # a few experts get most of the tokens
    return {**made, "k": 2, "norm_topk_prob": True}


@LARGE("layers.mixture_of_experts", clause=5, catches="a limited number of experts", tolerance=LONG)
def many_experts(g: Generator) -> Inputs:
    return {**_experts(g, 103, 131, 2), "k": 5, "norm_topk_prob": False}


@LARGE(
    "layers.mixture_with_shared_expert", clause=1, catches="a capacity, or a shared expert in pieces", tolerance=LONG
)
def crowded_beside_a_shared_one(g: Generator) -> Inputs:
    shared = {"shared_gate": g.normal(131, 5), "shared_up": g.normal(131, 5), "shared_down": g.normal(5, 131) / 8.0}
    return {**_experts(g, 301, 67, 3), **shared, "k": 2, "norm_topk_prob": True}


@LARGE("layers.load_balancing_loss", clause=2, catches="a mean of the means of pieces", tolerance=LONG)
def tokens_that_change(g: Generator) -> Inputs:
    logits = g.normal(1_031, 67)
    logits[:700, 0] += 3.0  # the first tokens are unlike the last
    return {"logits": logits, "k": 2}


@LARGE("layers.router_z_loss", clause=2, catches="a mean of the means of pieces", tolerance=LONG)
def logits_that_grow(g: Generator) -> Inputs:
    return {"logits": g.normal(4_099, 7) + np.linspace(-3.0, 5.0, 4_099)[:, None]}


# --- Losses


def _rows(g: Generator, rows: int, tokens: int, ignored: int) -> Inputs:
    """Return targets of which the first thousand are mostly ignored, and logits that are larger later."""
    targets = g.whole(rows, below=tokens)
    targets[: rows // 4][g.uniform(rows // 4) < 0.95] = ignored
    targets[rows // 2 : rows // 2 + 300] = ignored
    return {
        "logits": g.normal(rows, tokens) * np.linspace(0.3, 4.0, rows)[:, None],
        "targets": targets,
        "ignored": ignored,
    }


def _losses(contract: str, **more: Any) -> None:
    @LARGE(contract, clause=2, catches="a mean of the means of pieces, each with other numbers of rows", tolerance=LONG)
    def rows_ignored_unevenly(g: Generator) -> Inputs:
        return {**_rows(g, 4_099, 7, -100), **more}

    @LARGE(contract, clause=1, catches="a vocabulary in pieces, or targets in 16 bits", tolerance=ROUGH)
    def vocabulary_of_llama3(g: Generator) -> Inputs:
        logits = g.normal(2, 128_257) + np.linspace(-2.0, 2.0, 128_257)
        return {"logits": logits, "targets": np.array([128_256, 65_537]), "ignored": -100, **more}


_losses("layers.cross_entropy")
_losses("layers.smoothed_cross_entropy", smoothing=0.1)
_losses("layers.z_loss")


@LARGE("layers.linear_cross_entropy", clause=2, catches="a mean of the means of pieces", tolerance=LONG)
def states_ignored_unevenly(g: Generator) -> Inputs:
    made = _rows(g, 4_099, 3, -100)
    return {"hidden": made["logits"], "head": g.normal(11, 3), "targets": made["targets"], "ignored": -100}


@LARGE("layers.linear_cross_entropy", clause=5, catches="a vocabulary in pieces, or targets in 16 bits", tolerance=LONG)
def head_of_llama3(g: Generator) -> Inputs:
    targets = np.array([128_256, 65_537, -1, 3])
    return {"hidden": g.normal(4, 2), "head": g.normal(128_257, 2), "targets": targets, "ignored": -1}


# --- Start values


@LARGE("layers.truncated_normal", clause=1, catches="a series that is right in the middle only", tolerance=SHORT)
def thousand_start_values(g: Generator) -> Inputs:
    return {"uniforms": g.uniform(3, 343), "deviation": 0.02, "limit": 3.0}


@LARGE("layers.scaled_initialization", clause=2, catches="a limited number of layers", tolerance=SHORT)
def hundred_layers(g: Generator) -> Inputs:
    return {"normals": g.normal(3, 4_099), "deviation": 0.02, "layers": 126}


# --- Codes


def _steps(g: Generator, rows: int, width: int, largest: int) -> np.ndarray[Any, Any]:
    """Return numbers between whole ones from -largest to largest: float32 rounds them alike, 16 bits do not."""
    steps = g.whole(rows, width, below=2 * largest + 1) - largest + g.uniform(rows, width, low=-0.499, high=0.499)
    clipped: np.ndarray[Any, Any] = np.clip(steps, -largest, largest)
    return clipped


@LARGE("layers.quantize_int8", clause=1, catches="rows in pieces, or a scale of the first numbers", tolerance=SHORT)
def rows_of_thousands(g: Generator) -> Inputs:
    weight = _steps(g, 67, 2_051, 127)
    weight[::2] = np.clip(weight[::2], -126, 126)
    weight[:, -1] = -127  # in half of the rows the largest comes last
    return {"weight": weight * g.uniform(67, 1, low=0.01, high=2.0)}


@LARGE("layers.quantize_int4", clause=1, catches="groups beyond so many, or rows in pieces", tolerance=SHORT)
def hundreds_of_groups(g: Generator) -> Inputs:
    steps, scales = _steps(g, 37, 2_058, 7), np.repeat(g.uniform(37, 294, low=0.01, high=2.0), 7, axis=1)
    steps[:, 3::7] = 7
    return {"weight": steps * scales, "group": 7}


def _bytes(g: Generator, rows: int, pairs: int) -> np.ndarray[Any, Any]:
    low, high = g.whole(rows, pairs, below=15) + 1, g.whole(rows, pairs, below=15) + 1
    packed: np.ndarray[Any, Any] = (low + 16 * high).astype(np.uint8)
    return packed


@LARGE("layers.dequantize_int8", clause=3, catches="sums in 8 or 16 bits, or rows in pieces", tolerance=LONG)
def codes_of_thousands(g: Generator) -> Inputs:
    codes = (g.whole(67, 2_051, below=255) - 127).astype(np.int8)
    return {"codes": codes, "scales": g.uniform(67, low=0.01, high=2.0)}


@LARGE("layers.dequantize_int4", clause=2, catches="groups beyond so many", tolerance=LONG)
def codes_of_hundreds_of_groups(g: Generator) -> Inputs:
    return {"codes": _bytes(g, 37, 1_029), "scales": g.uniform(37, 294, low=0.01, high=2.0)}


@LARGE("layers.int8_linear", clause=1, catches="sums in 8 or 16 bits, or a product in tiles", tolerance=LONG)
def product_of_thousands(g: Generator) -> Inputs:
    codes = np.where(g.uniform(37, 2_051) < 0.9, 127, -127).astype(np.int8)
    return {"x": g.normal(3, 2_051) + 1.0, "codes": codes, "scales": g.uniform(37, low=0.01, high=2.0)}


@LARGE("layers.int4_linear", clause=1, catches="groups beyond so many, or a product in tiles", tolerance=LONG)
def product_of_hundreds_of_groups(g: Generator) -> Inputs:
    return {"x": g.normal(3, 2_058), "codes": _bytes(g, 37, 1_029), "scales": g.uniform(37, 294, low=0.01, high=2.0)}


# --- The block and the whole model


@LARGE("layers.block", clause=5, catches="tables of positions, and tiles at hundreds of positions", tolerance=LONG)
def positions_of_long_texts(g: Generator) -> Inputs:
    shapes = {
        "attention_norm": (5,), "query": (12, 5), "key": (6, 5), "value": (6, 5), "query_norm": (6,), "key_norm": (6,),
        "output": (5, 12), "feed_forward_norm": (5,), "gate": (37, 5), "up": (37, 5), "down": (5, 37),
    }  # fmt: skip
    return {
        "x": g.normal(1, 301, 5), "positions": 300 + 7 * g.whole(301, below=500),
        **{name: g.normal(*shape) for name, shape in shapes.items()},
        "heads": 2, "kv_heads": 1, "rope_base": 500.0, "eps": 1e-5,
    }  # fmt: skip


def _deep(case: str, prefix: str, ids: np.ndarray[Any, Any], tokens: int, g: Generator, **settings: Any) -> Inputs:
    """Return the inputs of a small stored model with twelve blocks like its first, and so many tokens."""
    stored = next(one.inputs for one in SPECIFICATION.cases["layers.decoder"] if one.id == case)
    layout = []
    for name, shape in stored["layout"]:
        head = shape[0] == stored["settings"]["vocab_size"] and ("embed" in name or "wte" in name or "lm_head" in name)
        places = "wpe" in name
        rest = name.removeprefix(f"{prefix}0.")
        if rest != name:
            layout += [[f"{prefix}{layer}.{rest}", shape] for layer in range(12)]
        elif not name.startswith(prefix):
            layout.append(
                [name, [tokens if head else settings.get("n_positions", shape[0]) if places else shape[0], *shape[1:]]]
            )
    weights = g.normal(sum(int(np.prod(shape)) for _, shape in layout)) * 0.6
    inputs = {**stored["settings"], "vocab_size": tokens, **settings}
    return {"ids": ids, "settings": inputs, "layout": layout, "weights": weights}


@LARGE("layers.decoder", clause=2, catches="layer 10 before layer 2", tolerance={"float64": 1e-9, "float32": 2e-3})
def twelve_layers(g: Generator) -> Inputs:
    return _deep(
        "llama", "model.layers.", g.whole(2, 19, below=41), 41, g, num_hidden_layers=12, max_position_embeddings=40
    )


@LARGE("layers.decoder", clause=10, catches="layer 10 before layer 2", tolerance={"float64": 1e-9, "float32": 2e-3})
def twelve_layers_of_gpt2(g: Generator) -> Inputs:
    return _deep("gpt2", "transformer.h.", g.whole(1, 301, below=41), 41, g, n_layer=12, n_positions=307)


@LARGE(
    "layers.decoder", clause=4, catches="a window beyond 256 that is cut", tolerance={"float64": 1e-9, "float32": 2e-3}
)
def window_beyond_256(g: Generator) -> Inputs:
    return _deep(
        "mistral_window", "model.layers.", g.whole(1, 389, below=41), 41, g,
        num_hidden_layers=2, sliding_window=259, max_position_embeddings=400,
    )  # fmt: skip


@LARGE("layers.decoder", clause=2, catches="ids in 16 bits", tolerance={"float64": 1e-9, "float32": 2e-3})
def tokens_beyond_16_bits(g: Generator) -> Inputs:
    ids = np.array([[0, 65_536, 65_535, 32_768, 65_550, 255, 256]])
    return _deep("llama_tied", "model.layers.", ids, 65_551, g, num_hidden_layers=12)
