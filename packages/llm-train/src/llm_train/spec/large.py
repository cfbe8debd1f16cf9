"""Large cases: late steps, long schedules, wide parameters and hundreds of gradients."""

import numpy as np

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases, Numbers

LARGE = LargeCases(tolerance={"float64": 1e-9, "float32": 1e-5})
PLAIN, OF_EACH = {"exact": 5e-6}, {"exact": 1e-9, "each": 1e-6}


def _step(g: Generator, *shape: int, step: int, scale: float = 1.0, **settings: float) -> Inputs:
    """Return a parameter near zero, where the change of the step shows, and moments as of gradients of this scale."""
    usual = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}
    gradient, first, second = g.normal(*shape), g.normal(*shape), g.uniform(*shape)
    return {
        "parameter": 1e-3 * g.normal(*shape), "gradient": scale * gradient, "first_moment": 0.3 * scale * first,
        "second_moment": scale * (scale * second), "step": step, **(usual | settings),
    }  # fmt: skip


adamw = LARGE.of("train.adamw")


def _late(name: str, step: int, beta2: float, catches: str) -> None:
    """Add a case in one late step, where the second moment still needs its correction."""
    adamw(2, catches, name)(lambda g: _step(g, 7, step=step, beta2=beta2))


_late("step_128", 128, 0.999, "a number of the step in 7 bits and a sign")
_late("step_257", 257, 0.999, "a number of the step in 8 bits")
_late("step_1001", 1001, 0.9995, "a table of 1,000 corrections, or a correction that ends there")
_late("step_4097", 4097, 0.9999, "a number of the step in bfloat16 or float16")
_late("step_10_001", 10_001, 0.9999, "a correction that is left out after 10,000 steps")
_late("step_32_769", 32_769, 0.99999, "a number of the step in 15 bits and a sign")
_late("step_65_537", 65_537, 0.99999, "a number of the step in 16 bits")
_late("step_100_001", 100_001, 0.99999, "a correction that is left out after 100,000 steps")
_late("step_1_000_000", 1_000_000, 0.999999, "a correction that is left out after many steps")


adamw(3, "a tile or a table that does not hold a wide parameter", "many_weights")(lambda g: _step(g, 100_003, step=12))
adamw(3, "an assumption about the number of axes or their size", "many_rows")(
    lambda g: _step(g, 3, 257, 129, step=3, beta1=0.95)
)
adamw(3, "an epsilon of one's own, or squares that become 0", "tiny_gradients_everywhere")(
    lambda g: _step(g, 1_025, step=40, scale=1e-15, eps=1e-15)
)
adamw(3, "an epsilon that outweighs gradients of ordinary smallness", "small_gradients")(
    lambda g: _step(g, 1_025, step=40, scale=1e-7, eps=1e-9)
)
adamw(3, "gradients or steps that are clipped to some range", "huge_gradients")(
    lambda g: _step(g, 1_025, step=40, scale=1e15)
)


@adamw(3, "a ratio that is clipped: one gradient after long silence moves far")
def gradients_after_silence(g: Generator) -> Inputs:
    silent = _step(g, 513, step=20_000, beta2=0.9999, weight_decay=0.0)
    return silent | {"first_moment": g.normal(513) * 1e-9, "second_moment": g.uniform(513) * 1e-18}


@adamw(3, "gradients of every size from 1e-12 to 1e12 in one parameter")
def every_size(g: Generator) -> Inputs:
    sizes = 10.0 ** g.uniform(4_099, low=-12.0, high=12.0)
    given = _step(g, 4_099, step=5, weight_decay=0.0)
    return given | {
        "gradient": given["gradient"] * sizes, "first_moment": given["first_moment"] * sizes,
        "second_moment": given["second_moment"] * sizes**2,
    }  # fmt: skip


adamw(4, "parameters or a decay that are clipped to some range", "large_parameters")(
    lambda g: _step(g, 300, step=9, weight_decay=0.5) | {"parameter": 1e5 * g.normal(300)}
)


def _at(name: str, step: int, warmup_steps: int, total_steps: int, catches: str, clause: int, **decay: float) -> None:
    """Add a case of a schedule in one step: with `decay_steps` of the one with a stable part, else of the cosine."""
    inputs = {"step": step, "peak": 3e-4, "floor": 3e-5, "warmup_steps": warmup_steps, "total_steps": total_steps}
    contract = "train.warmup_stable_decay" if "decay_steps" in decay else "train.warmup_cosine"
    LARGE(contract, clause, catches, name, tolerance=PLAIN)(lambda g: inputs | decay)


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
_at("beyond_float32", 33_554_433, 33_554_432, 33_554_440, "a number of the step in float32", 2)
_at("fall_of_one_step", 99_999, 99_999, 100_000, "a fall of one step that is skipped", 2)


LARGE(
    "train.warmup_cosine",
    1,
    "a division that rounds down where the peak is a whole number",
    "a_whole_peak",
    tolerance=PLAIN,
)(lambda g: {"step": 3, "peak": 1, "floor": 0, "warmup_steps": 10, "total_steps": 100})


for name, step, catches, clause in (
    ("first_of_a_million", 0, "a warm-up from zero", 1),
    ("step_4097_of_the_warm_up", 4_097, "a number of the step in bfloat16 or float16", 1),
    ("step_65_537_of_the_warm_up", 65_537, "a number of the step in 16 bits", 1),
    ("last_of_the_warm_up", 99_999, "a warm-up that ends a step late", 1),
    ("stable_for_long", 500_001, "a fall that begins in the middle", 2),
    ("a_tenth_down", 820_001, "another curve than a line", 3),
    ("last_but_one_of_a_million", 999_999, "a fall that arrives too early", 3),
    ("after_a_million", 1_500_000, "a fall below the floor", 4),
):
    _at(name, step, 100_000, 1_000_000, catches, clause, decay_steps=2e5)
_at("a_part_of_a_step", 131_073, 1_000, 150_001, "a fall of whole steps", 3, decay_steps=30_000.6)
_at("beyond_float32", 33_554_431, 0, 33_554_432, "a number of the step in float32", 3, decay_steps=1e7, floor=0.0)
_at("no_stable_part", 600_001, 100_000, 1_000_000, "a fall that is limited to a share of the run", 3, decay_steps=9e5)


def _tensors(g: Generator, count: int, scale: float = 1.0) -> list[Numbers]:
    """Return gradients as of a model: matrices, vectors, single numbers, of sizes and scales that differ a lot."""
    shapes = [(64, 33), (129,), (), (7, 3, 5), (1, 300), (2,), (17, 16), (1,)]
    sizes = 10.0 ** g.uniform(count, low=-3.0, high=0.0)
    return [np.asarray(scale * sizes[i] * g.normal(*shapes[i % len(shapes)])) for i in range(count)]


def _near(g: Generator, gradients: list[Numbers], factor: float) -> Inputs:
    norm = float(sum((gradient**2).sum() for gradient in gradients)) ** 0.5
    return {"gradients": gradients, "limit": factor * norm}


clip_gradients = LARGE.of("train.clip_gradients")
clip_gradients(5, "a limit on how many gradients there may be", "three_hundred_tensors")(
    lambda g: {"gradients": _tensors(g, 300), "limit": 1.0}
)
clip_gradients(5, "gradients beyond the thousandth that are left out", "a_thousand_small_tensors")(
    lambda g: {"gradients": [g.normal(2) for _ in range(1_003)], "limit": 1.0}
)
clip_gradients(1, "squares that are summed in float32, or in bfloat16", "a_wide_tensor")(
    lambda g: {"gradients": [g.normal(100_003), g.normal(3), g.normal(300, 257)], "limit": 0.5}
)
clip_gradients(3, "a limit with a margin: just within, nothing changes", "just_within")(
    lambda g: _near(g, _tensors(g, 100), 1.0001)
)
clip_gradients(2, "a limit with a margin: just beyond, all are scaled", "just_beyond")(
    lambda g: _near(g, _tensors(g, 100), 0.9999)
)
clip_gradients(2, "an exploding gradient that is clipped in part", "exploded")(
    lambda g: {"gradients": _tensors(g, 40, scale=1e15), "limit": 1.0}
)
clip_gradients(1, "many small gradients that vanish beside a large one", "one_large_and_many_small")(
    lambda g: {"gradients": [30.0 * g.normal(3), *(g.normal(50) for _ in range(400))], "limit": 2.0}
)
clip_gradients(1, "squares that overflow in float32", "beyond_the_squares_of_float32", tolerance={"float64": 1e-9})(
    lambda g: {"gradients": [1e25 * g.normal(5), 1e24 * g.normal(2, 3)], "limit": 1.0}
)
adamw(3, "an epsilon of zero that is taken for none", "no_epsilon")(
    lambda g: _step(g, 5, step=1, scale=1e-10, eps=0.0, weight_decay=0.0)
)


@clip_gradients(1, "equal arrays that count once")
def equal_gradients(g: Generator) -> Inputs:
    gradient = g.normal(3, 4)
    return {"gradients": [gradient, gradient.copy(), g.normal(5), gradient], "limit": 0.5}


for name, step, total in (("near_the_end_of_a_million", 999_900, 1_000_000), ("early_in_ten_thousand", 5, 10_000)):

    @LARGE("train.warmup_cosine", 2, "a cosine of a table, or in float32", name, tolerance={"exact": 1e-6})
    def far_from_the_middle(g: Generator, step: int = step, total: int = total) -> Inputs:
        return {"step": step, "peak": 1e-3, "floor": 0.0, "warmup_steps": 0, "total_steps": total}
