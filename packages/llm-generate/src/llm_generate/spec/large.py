"""Large cases: the vocabularies of real models, with many equal logits, and logits of every size."""

import math

import numpy as np

from llm_tokenizer.conformance.large import TOLERANCE, Generator, Inputs, LargeCases, Numbers

WIDE, WIDEST = 128_256, 200_003  # Llama 3's vocabulary, and a prime number beyond any multiple of a tile
SUMS = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-4})
KEPT = LargeCases(tolerance={"float64": 1e-12, "float32": 2e-6})


def _logits(g: Generator, *shape: int) -> Numbers:
    """Return logits as of a model: a few stand out, most are far below; all different."""
    numbers: Numbers = 3.0 * g.normal(*shape) - 12.0 * g.uniform(*shape) ** 2
    return numbers


def _every_size(g: Generator, *shape: int) -> Numbers:
    """Return numbers of both signs, from 1e-30 to 1e30."""
    signs = np.where(g.uniform(*shape) < 0.5, -1.0, 1.0)
    numbers: Numbers = signs * 10.0 ** g.uniform(*shape, low=-30.0, high=30.0)
    return numbers


def _every_height(g: Generator, width: int) -> Numbers:
    """Return rows of logits, each row about another height."""
    heights = np.array([0.0, 50.0, -50.0, 90.0, -90.0, 300.0, -300.0, 710.0, -750.0, 1e3, -1e3])
    return heights[:, None] + g.normal(11, width)


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


large = SUMS.of("generate.temperature")
large(1, "a tile of the vocabulary that is not summed or not rescaled", "real_vocabulary")(
    lambda g: {"logits": _logits(g, 2, WIDE), "temperature": 0.7}
)
large(1, "ids in 16 bits, or a rest beyond the last full tile", "widest_vocabulary")(
    lambda g: {"logits": _last_first(g), "temperature": 1.3}
)
large(
    2, "a sum of many equal terms in too few digits", "all_equal_and_many", tolerance={"float64": 1e-9, "float32": 5e-4}
)(lambda g: {"logits": np.full((1, WIDE), 0.25), "temperature": 0.5})
large(1, "rare tokens whose probability is rounded to zero", "rare_tokens", tolerance={"float64": 1e-9, "each": 1e-3})(
    lambda g: {"logits": np.append(np.linspace(0.0, -60.0, 61), -np.inf).reshape(1, 62), "temperature": 1.0}
)
large(3, "float32 inside, where it is visible", "close_logits_and_a_small_temperature", tolerance={"float64": 1e-6})(
    lambda g: {"logits": 1000.0 + 1e-5 * np.arange(6.0).reshape(1, 6), "temperature": 1e-4}
)
large(2, "rows of several axes that are mixed, or only so many of them", "many_rows")(
    lambda g: {"logits": _logits(g, 3, 2, 43, 129), "temperature": 0.9}
)
large(2, "a limit on the number of rows", "thousands_of_rows")(
    lambda g: {"logits": _logits(g, 4_099, 17), "temperature": 1.1}
)
large(
    3,
    "a largest logit that is searched in the first tile only",
    "rising_logits",
    tolerance={"float64": 1e-9, "float32": 1e-3},
)(lambda g: {"logits": 0.001 * np.arange(2.0 * WIDE).reshape(2, WIDE), "temperature": 0.05})
large(3, "logits that are cut off at some size", "every_size")(
    lambda g: {"logits": _every_size(g, 64, 65), "temperature": 1.0}
)
large(3, "logits that are cut off: high rows, low rows, all near each other", "rows_of_every_height")(
    lambda g: {"logits": _every_height(g, 31), "temperature": 0.8}
)
large(1, "small probabilities that are cut off or rounded to zero", "far_tails", gradients=False)(
    lambda g: {"logits": np.linspace(0.0, -700.0, 1_401)[None], "temperature": 25.0}
)
large(1, "a small temperature that is replaced by a larger one", "small_temperatures")(
    lambda g: {"logits": 1e-4 * _logits(g, 5, 1_000), "temperature": 1e-4}
)
large(1, "a temperature that is limited", "large_temperatures")(
    lambda g: {"logits": 1e6 * _logits(g, 5, 1_000), "temperature": 1e6}
)
large(4, "-inf less -inf in a row, or in a tile, that is mostly taken out", "mostly_taken_out")(
    lambda g: {"logits": _mostly_out(g, 2, WIDE), "temperature": 0.6}
)


@large(4, "a large negative number in place of -inf")
def taken_out_among_very_low_ones(g: Generator) -> Inputs:
    logits = np.where(g.uniform(6, 500) < 0.5, -math.inf, -1e30 * (1.0 + g.uniform(6, 500)))
    return {"logits": logits, "temperature": 1.0}


@large(2, "a small number added to the sum: even in float32 it is exactly 1", gradients=False, tolerance=TOLERANCE)
def certain_tokens(g: Generator) -> Inputs:
    logits = -200.0 - 100.0 * g.uniform(40, 1_000)
    logits[np.arange(40), g.whole(40, below=1_000)] = 0.0
    return {"logits": logits, "temperature": 1.0}


@large(5, "a largest logit in 16 bits, or the last of many equal ones")
def greedy_far_out(g: Generator) -> Inputs:
    logits = _tied(g, 2, 2, WIDEST // 2)
    logits[..., [70_001, 70_002, 99_999]] = logits.max() + 1.0
    return {"logits": logits, "temperature": 0.0}


large(1, "a temperature of a millionth that is taken for 0", "millionths")(
    lambda g: {"logits": 2.0**-20 * g.whole(3, 5, below=4), "temperature": 2.0**-20}
)


large = KEPT.of("generate.top_k")

large(3, "a zero with a sign that is less than one without", "two_zeros")(
    lambda g: {"logits": np.array([[-1.0, -0.0, 0.0, -2.0], [0.0, -0.0, -1.0, 0.0]]), "k": 1}
)


for name, k, catches in (
    ("forty_of_many", 40, "a sort by tiles whose winners are not merged"),
    ("k_of_1025", 1_025, "a k that is limited to 1,024, or a heap of a fixed size"),
    ("k_of_65_537", 65_537, "a k in 16 bits"),
    ("k_of_100_000", 100_000, "ranks or a k that are limited"),
    ("one_less_than_all", WIDE - 1, "the last rank, or a comparison that goes the wrong way"),
):

    @large(3, catches, name)
    def equal_logits(g: Generator, k: int = k) -> Inputs:
        return {"logits": _tied(g, 1, WIDE), "k": k}


large(1, "ids in 16 bits, or a rest beyond the last full tile", "all_different")(
    lambda g: {"logits": _last_first(g), "k": 50}
)
large(2, "rows of several axes that are mixed, or only so many of them", "rows_of_several_axes")(
    lambda g: {"logits": _tied(g, 3, 2, 43, 129), "k": 20}
)


@large(3, "equal logits that are told apart by a number added to them")
def nearly_equal(g: Generator) -> Inputs:
    steps = g.whole(2, 5_000, below=3).astype(np.float64)
    return {"logits": 1.0 + steps * 2.0**-20, "k": 2_500}


large(3, "a sort that is not stable, where all are equal", "all_the_same")(
    lambda g: {"logits": np.full((1, WIDEST), -3.5), "k": 70_000}
)
large(5, "tokens that come back where k is more than what is left", "more_than_is_left")(
    lambda g: {"logits": _mostly_out(g, 2, WIDE), "k": 1_000}
)
large(5, "logits that are cut off, or compared in float32", "logits_of_every_size")(
    lambda g: {"logits": _every_size(g, 4, 1_025), "k": 700}
)
large(5, "a large negative number in place of -inf", "all_very_low")(
    lambda g: {"logits": -1e30 * (1.0 + g.uniform(2, 600)), "k": 300}
)
large(3, "logits that are compared in float32", "nearer_than_float32", tolerance={"float64": 1e-12})(
    lambda g: {"logits": 1.0 + 1e-9 * np.array([[0.0, 1.0, 3.0, 2.0]]), "k": 2}
)


large = KEPT.of("generate.top_p")
large(1, "a sum by tiles, each from zero", "two_hundred_of_many")(lambda g: _kept(_logits(g, WIDE), 200))
large(1, "a limit on how many tokens are kept", "five_thousand_likely_ones")(
    lambda g: _kept(np.where(g.uniform(WIDE) < 0.05, 0.1, 0.0) * 300.0 + 0.1 * g.normal(WIDE), 5_000)
)
large(5, "hundreds of equal ones all kept, or the higher ids first", "among_many_equals")(
    lambda g: _kept(np.where(g.uniform(WIDE) < 0.004, 6.0, -4.0), 300)
)
large(5, "ids or ranks in 16 bits, or a sum of too few digits", "a_flat_vocabulary", tolerance={"float64": 1e-12})(
    lambda g: _kept(np.full(WIDEST, 2.0), 66_667)
)
large(3, "a p that is raised to some least value, or nothing kept", "nearly_no_p")(
    lambda g: {"logits": _tied(g, 3, 1_500), "p": 1e-12}
)
large(1, "a p that is raised to some least value", "little_of_a_flat_vocabulary")(
    lambda g: _kept(np.full(WIDEST, -1.0), 3)
)
large(4, "a p near 1 that is taken for 1", "nearly_all")(lambda g: _kept(0.1 * g.normal(20_001), 20_000))
large(4, "a tail that is lost where the sum rounds to 1", "all_of_many")(
    lambda g: {"logits": 10.0 * _logits(g, 2, WIDE), "p": 1.0}
)
large(6, "rows of several axes that are mixed, or only so many of them", "rows_on_their_own")(
    lambda g: {"logits": _logits(g, 3, 2, 43, 129), "p": 0.62}
)
large(7, "-inf less -inf, or tokens that come back", "few_are_left")(
    lambda g: {"logits": _mostly_out(g, 2, WIDE), "p": 0.77}
)
large(7, "logits that are cut off", "huge_and_tiny")(lambda g: {"logits": _every_size(g, 4, 257), "p": 0.9})
large(7, "a largest logit that is not subtracted: high rows, low rows", "rows_at_every_height")(
    lambda g: {"logits": _every_height(g, 29), "p": 0.83}
)


for height in (9.0, 0.0, 2.0):

    @large(1, "a number of tokens remembered by shape and p", f"one_axis_{height:g}", tolerance=TOLERANCE)
    def one_axis(g: Generator, height: float = height) -> Inputs:
        return {"logits": height * np.array([0.0, 0.0, 1.0, 0.0, 0.9, 0.0, 0.0]), "p": 0.8}


large(1, "a sum that is only nearly p", "just_beyond_p", tolerance={"float64": 1e-12})(
    lambda g: {"logits": np.log(np.array([0.5, 0.4, 0.1])), "p": 0.9000005}
)


large(8, "a p near 1 that is taken for 1", "just_above_1", raises="ValueError")(
    lambda g: {"logits": g.normal(2, 3), "p": 1.0005}
)


LARGE = LargeCases(SUMS, KEPT)
