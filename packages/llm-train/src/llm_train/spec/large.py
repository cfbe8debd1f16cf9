"""Large cases: late steps, long schedules, wide parameters and hundreds of gradients."""

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases()
FLOATS = {"float64": 1e-9, "float32": 1e-5}
PLAIN = {"exact": 5e-6}


def _step(g: Generator, *shape: int, step: int, scale: float = 1.0, **settings: float) -> Inputs:
    """Return a parameter near zero, where the change of the step shows, and moments as of gradients of this scale."""
    usual = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}
    gradient, first, second = g.normal(*shape), g.normal(*shape), g.uniform(*shape)
    return {
        "parameter": 1e-3 * g.normal(*shape), "gradient": scale * gradient, "first_moment": 0.3 * scale * first,
        "second_moment": scale * (scale * second), "step": step, **(usual | settings),
    }  # fmt: skip


def _late(name: str, step: int, beta2: float, catches: str) -> None:
    """Add a case in one late step, where the second moment still needs its correction."""
    late = LARGE("train.adamw", name=name, clause=2, catches=catches, tolerance=FLOATS)
    late(lambda g: _step(g, 7, step=step, beta2=beta2))


_late("step_128", 128, 0.999, "a number of the step in 7 bits and a sign")
_late("step_257", 257, 0.999, "a number of the step in 8 bits")
_late("step_1001", 1001, 0.9995, "a table of 1,000 corrections, or a correction that ends there")
_late("step_4097", 4097, 0.9999, "a number of the step in bfloat16 or float16")
_late("step_10_001", 10_001, 0.9999, "a correction that is left out after 10,000 steps")
_late("step_32_769", 32_769, 0.99999, "a number of the step in 15 bits and a sign")
_late("step_65_537", 65_537, 0.99999, "a number of the step in 16 bits")
_late("step_100_001", 100_001, 0.99999, "a correction that is left out after 100,000 steps")
_late("step_1_000_000", 1_000_000, 0.999999, "a correction that is left out after many steps")


@LARGE("train.adamw", clause=3, catches="a tile or a table that does not hold a wide parameter", tolerance=FLOATS)
def many_weights(g: Generator) -> Inputs:
    return _step(g, 100_003, step=12)


@LARGE("train.adamw", clause=3, catches="an assumption about the number of axes or their size", tolerance=FLOATS)
def many_rows(g: Generator) -> Inputs:
    return _step(g, 3, 257, 129, step=3, beta1=0.95)


@LARGE("train.adamw", clause=3, catches="an epsilon of one's own, or squares that become 0", tolerance=FLOATS)
def tiny_gradients_everywhere(g: Generator) -> Inputs:
    return _step(g, 1_025, step=40, scale=1e-15, eps=1e-15)


@LARGE("train.adamw", clause=3, catches="an epsilon that outweighs gradients of ordinary smallness", tolerance=FLOATS)
def small_gradients(g: Generator) -> Inputs:
    return _step(g, 1_025, step=40, scale=1e-7, eps=1e-9)


@LARGE("train.adamw", clause=3, catches="gradients or steps that are clipped to some range", tolerance=FLOATS)
def huge_gradients(g: Generator) -> Inputs:
    return _step(g, 1_025, step=40, scale=1e15)


@LARGE(
    "train.adamw",
    clause=3,
    catches="a ratio that is clipped: one gradient after long silence moves far",
    tolerance=FLOATS,
)
def gradients_after_silence(g: Generator) -> Inputs:
    silent = _step(g, 513, step=20_000, beta2=0.9999, weight_decay=0.0)
    return silent | {"first_moment": g.normal(513) * 1e-9, "second_moment": g.uniform(513) * 1e-18}


@LARGE("train.adamw", clause=3, catches="gradients of every size from 1e-12 to 1e12 in one parameter", tolerance=FLOATS)
def every_size(g: Generator) -> Inputs:
    sizes = 10.0 ** g.uniform(4_099, low=-12.0, high=12.0)
    given = _step(g, 4_099, step=5, weight_decay=0.0)
    return given | {
        "gradient": given["gradient"] * sizes, "first_moment": given["first_moment"] * sizes,
        "second_moment": given["second_moment"] * sizes**2,
    }  # fmt: skip


@LARGE("train.adamw", clause=4, catches="parameters or a decay that are clipped to some range", tolerance=FLOATS)
def large_parameters(g: Generator) -> Inputs:
    return _step(g, 300, step=9, weight_decay=0.5) | {"parameter": 1e5 * g.normal(300)}


def _at(name: str, step: int, warmup_steps: int, total_steps: int, catches: str, clause: int) -> None:
    """Add a case of the schedule in one step."""
    inputs = {"step": step, "peak": 3e-4, "floor": 3e-5, "warmup_steps": warmup_steps, "total_steps": total_steps}
    LARGE("train.warmup_cosine", name=name, clause=clause, catches=catches, tolerance=PLAIN)(lambda g: inputs)


_at("first_of_a_million", 0, 100_000, 1_000_000, "a warm-up from zero", 1)
_at("step_128_of_the_warm_up", 128, 100_000, 1_000_000, "a number of the step in 8 bits", 1)
_at("step_4097_of_the_warm_up", 4_097, 100_000, 1_000_000, "a number of the step in bfloat16 or float16", 1)
_at("step_65_537_of_the_warm_up", 65_537, 100_000, 1_000_000, "a number of the step in 16 bits", 1)
_at("last_but_one_of_the_warm_up", 99_998, 100_000, 1_000_000, "a warm-up that ends a step early or is rounded", 1)
_at("last_of_the_warm_up", 99_999, 100_000, 1_000_000, "a warm-up that ends a step late", 1)
_at("first_after_the_warm_up", 100_000, 100_000, 1_000_000, "a fall that begins below the peak", 2)
_at("a_warm_up_of_one_in_a_million", 1, 1, 1_000_000, "a warm-up that is a share of the run", 2)
_at("a_thousandth_down", 100_900, 100_000, 1_000_000, "a cosine that is read from a coarse table", 2)
_at("a_tenth_down", 190_001, 100_000, 1_000_000, "another curve than the cosine", 2)
_at("half_way_of_a_million", 550_001, 100_000, 1_000_000, "another curve than the cosine", 2)
_at("nine_tenths_down", 910_001, 100_000, 1_000_000, "another curve than the cosine", 2)
_at("step_131_073", 131_073, 1_000, 150_001, "a number of the step in 16 bits", 2)
_at("no_warm_up_in_a_long_run", 300_001, 0, 1_000_000, "a division by a warm-up of zero steps", 2)
_at("last_but_one_of_a_million", 999_999, 100_000, 1_000_000, "a cosine that turns too early", 2)
_at("last_of_a_million", 1_000_000, 100_000, 1_000_000, "a cosine that does not arrive", 3)
_at("after_a_million", 1_000_001, 100_000, 1_000_000, "a cosine that rises again", 3)
_at("a_second_period", 1_900_000, 100_000, 1_000_000, "a cosine that starts anew", 3)
_at("warm_up_longer_than_the_fall", 80_000, 99_000, 100_000, "a warm-up that is limited to a share of the run", 1)
_at("fall_of_one_step", 99_999, 99_999, 100_000, "a fall of one step that is skipped", 2)


@LARGE(
    "train.warmup_cosine",
    clause=1,
    catches="a division that rounds down where the peak is a whole number",
    tolerance=PLAIN,
)
def a_whole_peak(g: Generator) -> Inputs:
    return {"step": 3, "peak": 1, "floor": 0, "warmup_steps": 10, "total_steps": 100}


def _tensors(g: Generator, count: int, scale: float = 1.0) -> list[Numbers]:
    """Return gradients as of a model: matrices, vectors, single numbers, of sizes and scales that differ a lot."""
    shapes = [(64, 33), (129,), (), (7, 3, 5), (1, 300), (2,), (17, 16), (1,)]
    sizes = 10.0 ** g.uniform(count, low=-3.0, high=0.0)
    return [np.asarray(scale * sizes[i] * g.normal(*shapes[i % len(shapes)])) for i in range(count)]


def _near(g: Generator, gradients: list[Numbers], factor: float) -> Inputs:
    norm = float(sum((gradient**2).sum() for gradient in gradients)) ** 0.5
    return {"gradients": gradients, "limit": factor * norm}


@LARGE("train.clip_gradients", clause=5, catches="a limit on how many gradients there may be", tolerance=FLOATS)
def three_hundred_tensors(g: Generator) -> Inputs:
    return {"gradients": _tensors(g, 300), "limit": 1.0}


@LARGE("train.clip_gradients", clause=5, catches="gradients beyond the thousandth that are left out", tolerance=FLOATS)
def a_thousand_small_tensors(g: Generator) -> Inputs:
    return {"gradients": [g.normal(2) for _ in range(1_003)], "limit": 1.0}


@LARGE("train.clip_gradients", clause=1, catches="squares that are summed in float32, or in bfloat16", tolerance=FLOATS)
def a_wide_tensor(g: Generator) -> Inputs:
    return {"gradients": [g.normal(100_003), g.normal(3), g.normal(300, 257)], "limit": 0.5}


@LARGE(
    "train.clip_gradients", clause=3, catches="a limit with a margin: just within, nothing changes", tolerance=FLOATS
)
def just_within(g: Generator) -> Inputs:
    return _near(g, _tensors(g, 100), 1.0001)


@LARGE("train.clip_gradients", clause=2, catches="a limit with a margin: just beyond, all are scaled", tolerance=FLOATS)
def just_beyond(g: Generator) -> Inputs:
    return _near(g, _tensors(g, 100), 0.9999)


@LARGE("train.clip_gradients", clause=2, catches="an exploding gradient that is clipped in part", tolerance=FLOATS)
def exploded(g: Generator) -> Inputs:
    return {"gradients": _tensors(g, 40, scale=1e15), "limit": 1.0}


@LARGE(
    "train.clip_gradients", clause=1, catches="many small gradients that vanish beside a large one", tolerance=FLOATS
)
def one_large_and_many_small(g: Generator) -> Inputs:
    return {"gradients": [30.0 * g.normal(3), *(g.normal(50) for _ in range(400))], "limit": 2.0}


@LARGE("train.clip_gradients", clause=1, catches="squares that overflow in float32", tolerance={"float64": 1e-9})
def beyond_the_squares_of_float32(g: Generator) -> Inputs:
    return {"gradients": [1e25 * g.normal(5), 1e24 * g.normal(2, 3)], "limit": 1.0}


@LARGE("train.adamw", clause=3, catches="an epsilon of zero that is taken for none", tolerance=FLOATS)
def no_epsilon(g: Generator) -> Inputs:
    return _step(g, 5, step=1, scale=1e-10, eps=0.0, weight_decay=0.0)


@LARGE("train.clip_gradients", clause=1, catches="equal arrays that count once", tolerance=FLOATS)
def equal_gradients(g: Generator) -> Inputs:
    gradient = g.normal(3, 4)
    return {"gradients": [gradient, gradient.copy(), g.normal(5), gradient.copy()], "limit": 0.5}
