"""Large cases: the vocabularies of real models, with many equal logits, and logits of every size."""

import math

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases()
WIDE, WIDEST = 128_256, 200_003  # Llama 3's vocabulary, and a prime number beyond any multiple of a tile
SUMS = {"float64": 1e-9, "float32": 1e-4}
KEPT = {"float64": 1e-12, "float32": 2e-6}


def _logits(g: Generator, *shape: int) -> Numbers:
    """Return logits as of a model: a few stand out, most are far below; all different."""
    numbers: Numbers = 3.0 * g.normal(*shape) - 12.0 * g.uniform(*shape) ** 2
    return numbers


def _last_first(g: Generator) -> Numbers:
    """Return logits of the widest vocabulary, the largest of them at the very end."""
    logits = _logits(g, WIDEST)
    logits[-1] = logits.max() + 1.0
    return logits


def _tied(g: Generator, *shape: int) -> Numbers:
    """Return logits in steps of 1/8, as bfloat16 has them: thousands share a value."""
    numbers: Numbers = np.round(8.0 * _logits(g, *shape)) / 8.0
    return numbers


def _mostly_out(g: Generator, *shape: int) -> Numbers:
    """Return logits of which only one in a thousand is not taken out; the first and last of each row stay."""
    logits = np.where(g.uniform(*shape) < 1e-3, _logits(g, *shape), -math.inf)
    logits[..., [0, -1]] = 0.5, 1.5
    return logits


def _kept(logits: Numbers, count: int) -> Inputs:
    """Return a p half-way between the sums that `count` - 1 and `count` tokens reach, where no rounding decides."""
    weights = np.exp(np.sort(logits)[::-1] - logits.max())
    sums = np.cumsum(weights / math.fsum(weights))
    return {"logits": logits, "p": float(sums[count - 2] + sums[count - 1]) / 2}


@LARGE(
    "generate.temperature",
    clause=1,
    catches="a tile of the vocabulary that is not summed or not rescaled",
    tolerance=SUMS,
)
def real_vocabulary(g: Generator) -> Inputs:
    return {"logits": _logits(g, 2, WIDE), "temperature": 0.7}


@LARGE("generate.temperature", clause=1, catches="ids in 16 bits, or a rest beyond the last full tile", tolerance=SUMS)
def widest_vocabulary(g: Generator) -> Inputs:
    return {"logits": _last_first(g), "temperature": 1.3}


@LARGE(
    "generate.temperature",
    clause=2,
    catches="a sum of many equal terms in too few digits",
    tolerance={"float64": 1e-9, "float32": 5e-4},
)
def all_equal_and_many(g: Generator) -> Inputs:
    return {"logits": np.full((1, WIDE), 0.25), "temperature": 0.5}


@LARGE(
    "generate.temperature",
    clause=1,
    catches="rare tokens whose probability is rounded to zero",
    tolerance={"float64": 1e-9, "each": 1e-3},
)
def rare_tokens(g: Generator) -> Inputs:
    return {"logits": np.append(np.linspace(0.0, -60.0, 61), -np.inf).reshape(1, 62), "temperature": 1.0}


@LARGE("generate.temperature", clause=3, catches="float32 inside, where it is visible", tolerance={"float64": 1e-6})
def close_logits_and_a_small_temperature(g: Generator) -> Inputs:
    return {"logits": 1000.0 + 1e-5 * np.arange(6.0).reshape(1, 6), "temperature": 1e-4}


@LARGE(
    "generate.temperature",
    clause=2,
    catches="rows of several axes that are mixed, or only so many of them",
    tolerance=SUMS,
)
def many_rows(g: Generator) -> Inputs:
    return {"logits": _logits(g, 3, 2, 43, 129), "temperature": 0.9}


@LARGE("generate.temperature", clause=2, catches="a limit on the number of rows", tolerance=SUMS)
def thousands_of_rows(g: Generator) -> Inputs:
    return {"logits": _logits(g, 4_099, 17), "temperature": 1.1}


@LARGE(
    "generate.temperature",
    clause=3,
    catches="a largest logit that is searched in the first tile only",
    tolerance={"float64": 1e-9, "float32": 1e-3},
)
def rising_logits(g: Generator) -> Inputs:
    return {"logits": 0.001 * np.arange(2.0 * WIDE).reshape(2, WIDE), "temperature": 0.05}


@LARGE("generate.temperature", clause=3, catches="logits that are cut off at some size", tolerance=SUMS)
def every_size(g: Generator) -> Inputs:
    signs = np.where(g.uniform(64, 65) < 0.5, -1.0, 1.0)
    return {"logits": signs * 10.0 ** g.uniform(64, 65, low=-30.0, high=30.0), "temperature": 1.0}


@LARGE(
    "generate.temperature",
    clause=3,
    catches="logits that are cut off: high rows, low rows, all near each other",
    tolerance=SUMS,
)
def rows_of_every_height(g: Generator) -> Inputs:
    heights = np.array([0.0, 50.0, -50.0, 90.0, -90.0, 300.0, -300.0, 710.0, -750.0, 1e3, -1e3])
    return {"logits": heights[:, None] + g.normal(11, 31), "temperature": 0.8}


@LARGE(
    "generate.temperature",
    clause=1,
    catches="small probabilities that are cut off or rounded to zero",
    gradients=False,
    tolerance=SUMS,
)
def far_tails(g: Generator) -> Inputs:
    return {"logits": np.linspace(0.0, -700.0, 1_401)[None], "temperature": 25.0}


@LARGE("generate.temperature", clause=1, catches="a small temperature that is replaced by a larger one", tolerance=SUMS)
def small_temperatures(g: Generator) -> Inputs:
    return {"logits": 1e-4 * _logits(g, 5, 1_000), "temperature": 1e-4}


@LARGE("generate.temperature", clause=1, catches="a temperature that is limited", tolerance=SUMS)
def large_temperatures(g: Generator) -> Inputs:
    return {"logits": 1e6 * _logits(g, 5, 1_000), "temperature": 1e6}


@LARGE(
    "generate.temperature",
    clause=4,
    catches="-inf less -inf in a row, or in a tile, that is mostly taken out",
    tolerance=SUMS,
)
def mostly_taken_out(g: Generator) -> Inputs:
    return {"logits": _mostly_out(g, 2, WIDE), "temperature": 0.6}


@LARGE("generate.temperature", clause=4, catches="a large negative number in place of -inf", tolerance=SUMS)
def taken_out_among_very_low_ones(g: Generator) -> Inputs:
    logits = np.where(g.uniform(6, 500) < 0.5, -math.inf, -1e30 * (1.0 + g.uniform(6, 500)))
    return {"logits": logits, "temperature": 1.0}


@LARGE(
    "generate.temperature",
    clause=2,
    catches="a small number added to the sum: even in float32 it is exactly 1",
    gradients=False,
)
def certain_tokens(g: Generator) -> Inputs:
    logits = -200.0 - 100.0 * g.uniform(40, 1_000)
    logits[np.arange(40), g.whole(40, below=1_000)] = 0.0
    return {"logits": logits, "temperature": 1.0}


@LARGE(
    "generate.temperature",
    clause=5,
    catches="a largest logit in 16 bits, or the last of many equal ones",
    tolerance=SUMS,
)
def greedy_far_out(g: Generator) -> Inputs:
    logits = _tied(g, 2, 2, WIDEST // 2)
    logits[..., [70_001, 70_002, 99_999]] = logits.max() + 1.0
    return {"logits": logits, "temperature": 0.0}


for name, k, catches in (
    ("forty_of_many", 40, "a sort by tiles whose winners are not merged"),
    ("k_of_1025", 1_025, "a k that is limited to 1,024, or a heap of a fixed size"),
    ("k_of_65_537", 65_537, "a k in 16 bits"),
    ("k_of_100_000", 100_000, "ranks or a k that are limited"),
    ("one_less_than_all", WIDE - 1, "the last rank, or a comparison that goes the wrong way"),
):

    @LARGE("generate.top_k", name=name, clause=3, catches=catches, tolerance=KEPT)
    def equal_logits(g: Generator, k: int = k) -> Inputs:
        return {"logits": _tied(g, 1, WIDE), "k": k}


@LARGE("generate.top_k", clause=1, catches="ids in 16 bits, or a rest beyond the last full tile", tolerance=KEPT)
def all_different(g: Generator) -> Inputs:
    return {"logits": _last_first(g), "k": 50}


@LARGE(
    "generate.top_k", clause=2, catches="rows of several axes that are mixed, or only so many of them", tolerance=KEPT
)
def rows_of_several_axes(g: Generator) -> Inputs:
    return {"logits": _tied(g, 3, 2, 43, 129), "k": 20}


@LARGE("generate.top_k", clause=3, catches="equal logits that are told apart by a number added to them", tolerance=KEPT)
def nearly_equal(g: Generator) -> Inputs:
    steps = g.whole(2, 5_000, below=3).astype(np.float64)
    return {"logits": 1.0 + steps * 2.0**-20, "k": 2_500}


@LARGE("generate.top_k", clause=3, catches="a sort that is not stable, where all are equal", tolerance=KEPT)
def all_the_same(g: Generator) -> Inputs:
    return {"logits": np.full((1, WIDEST), -3.5), "k": 70_000}


@LARGE("generate.top_k", clause=5, catches="tokens that come back where k is more than what is left", tolerance=KEPT)
def more_than_is_left(g: Generator) -> Inputs:
    return {"logits": _mostly_out(g, 2, WIDE), "k": 1_000}


@LARGE("generate.top_k", clause=5, catches="logits that are cut off, or compared in float32", tolerance=KEPT)
def logits_of_every_size(g: Generator) -> Inputs:
    signs = np.where(g.uniform(4, 1_025) < 0.5, -1.0, 1.0)
    return {"logits": signs * 10.0 ** g.uniform(4, 1_025, low=-30.0, high=30.0), "k": 700}


@LARGE("generate.top_k", clause=5, catches="a large negative number in place of -inf", tolerance=KEPT)
def all_very_low(g: Generator) -> Inputs:
    return {"logits": -1e30 * (1.0 + g.uniform(2, 600)), "k": 300}


@LARGE("generate.top_p", clause=1, catches="a sum by tiles, each from zero", tolerance=KEPT)
def two_hundred_of_many(g: Generator) -> Inputs:
    return _kept(_logits(g, WIDE), 200)


@LARGE("generate.top_p", clause=1, catches="a limit on how many tokens are kept", tolerance=KEPT)
def five_thousand_likely_ones(g: Generator) -> Inputs:
    return _kept(np.where(g.uniform(WIDE) < 0.05, 0.1, 0.0) * 300.0 + 0.1 * g.normal(WIDE), 5_000)


@LARGE("generate.top_p", clause=5, catches="hundreds of equal ones all kept, or the higher ids first", tolerance=KEPT)
def among_many_equals(g: Generator) -> Inputs:
    return _kept(np.where(g.uniform(WIDE) < 0.004, 6.0, -4.0), 300)


@LARGE(
    "generate.top_p",
    clause=5,
    catches="ids or ranks in 16 bits, or a sum of too few digits",
    tolerance={"float64": 1e-12},
)
def a_flat_vocabulary(g: Generator) -> Inputs:
    return _kept(np.full(WIDEST, 2.0), 66_667)


@LARGE("generate.top_p", clause=3, catches="a p that is raised to some least value, or nothing kept", tolerance=KEPT)
def nearly_no_p(g: Generator) -> Inputs:
    return {"logits": _tied(g, 3, 1_500), "p": 1e-12}


@LARGE("generate.top_p", clause=1, catches="a p that is raised to some least value", tolerance=KEPT)
def little_of_a_flat_vocabulary(g: Generator) -> Inputs:
    return _kept(np.full(WIDEST, -1.0), 3)


@LARGE("generate.top_p", clause=4, catches="a p near 1 that is taken for 1", tolerance=KEPT)
def nearly_all(g: Generator) -> Inputs:
    return _kept(0.1 * g.normal(20_001), 20_000)


@LARGE("generate.top_p", clause=4, catches="a tail that is lost where the sum rounds to 1", tolerance=KEPT)
def all_of_many(g: Generator) -> Inputs:
    return {"logits": 10.0 * _logits(g, 2, WIDE), "p": 1.0}


@LARGE(
    "generate.top_p", clause=6, catches="rows of several axes that are mixed, or only so many of them", tolerance=KEPT
)
def rows_on_their_own(g: Generator) -> Inputs:
    return {"logits": _logits(g, 3, 2, 43, 129), "p": 0.62}


@LARGE("generate.top_p", clause=7, catches="-inf less -inf, or tokens that come back", tolerance=KEPT)
def few_are_left(g: Generator) -> Inputs:
    return {"logits": _mostly_out(g, 2, WIDE), "p": 0.77}


@LARGE("generate.top_p", clause=7, catches="logits that are cut off", tolerance=KEPT)
def huge_and_tiny(g: Generator) -> Inputs:
    signs = np.where(g.uniform(4, 257) < 0.5, -1.0, 1.0)
    return {"logits": signs * 10.0 ** g.uniform(4, 257, low=-30.0, high=30.0), "p": 0.9}


@LARGE(
    "generate.top_p", clause=7, catches="a largest logit that is not subtracted: high rows, low rows", tolerance=KEPT
)
def rows_at_every_height(g: Generator) -> Inputs:
    heights = np.array([0.0, 50.0, -50.0, 90.0, -90.0, 300.0, -300.0, 710.0, -750.0, 1e3, -1e3])
    return {"logits": heights[:, None] + g.normal(11, 29), "p": 0.83}


@LARGE("generate.temperature", clause=1, catches="a temperature of a millionth that is taken for 0", tolerance=SUMS)
def millionths(g: Generator) -> Inputs:
    return {"logits": 2.0**-20 * g.whole(3, 5, below=4), "temperature": 2.0**-20}


for height in (9.0, 0.0, 2.0):

    @LARGE(
        "generate.top_p", name=f"one_axis_{height:g}", clause=1, catches="a number of tokens remembered by shape and p"
    )
    def one_axis(g: Generator, height: float = height) -> Inputs:
        return {"logits": height * np.array([0.0, 0.0, 1.0, 0.0, 0.9, 0.0, 0.0]), "p": 0.8}


@LARGE("generate.top_p", clause=1, catches="a sum that is only nearly p", tolerance={"float64": 1e-12})
def just_beyond_p(g: Generator) -> Inputs:
    return {"logits": np.log(np.array([0.5, 0.4, 0.1])), "p": 0.9000005}


@LARGE("generate.top_k", clause=3, catches="logits that are compared in float32", tolerance={"float64": 1e-12})
def nearer_than_float32(g: Generator) -> Inputs:
    return {"logits": 1.0 + 1e-9 * np.array([[0.0, 1.0, 3.0, 2.0]]), "k": 2}
