"""Large cases of the schedules: long runs, and steps beyond every width of whole numbers."""

from llm_tokenizer.conformance.large import Generator, Inputs, LargeCases

LARGE = LargeCases(tolerance={"exact": 5e-6})


def _at(name: str, step: int, warmup_steps: int, total_steps: int, catches: str, clause: int, **decay: float) -> None:
    """Add a case of a schedule in one step: with `decay_steps` of the one with a stable part, else of two others."""
    inputs = {"step": step, "peak": 3e-4, "floor": 3e-5, "warmup_steps": warmup_steps, "total_steps": total_steps}
    if "decay_steps" in decay:
        LARGE("train.warmup_stable_decay", clause, catches, name)(lambda g: inputs | decay)
    else:
        for contract in ("train.warmup_cosine", "train.warmup_linear"):
            LARGE(contract, clause, catches, name)(lambda g: inputs)


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


LARGE("train.warmup_cosine", 1, "a division that rounds down where the peak is a whole number", "a_whole_peak")(
    lambda g: {"step": 3, "peak": 1, "floor": 0, "warmup_steps": 10, "total_steps": 100}
)


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


for name, step, total in (("near_the_end_of_a_million", 999_900, 1_000_000), ("early_in_ten_thousand", 5, 10_000)):

    @LARGE("train.warmup_cosine", 2, "a cosine of a table, or in float32", name, tolerance={"exact": 1e-6})
    def far_from_the_middle(g: Generator, step: int = step, total: int = total) -> Inputs:
        return {"step": step, "peak": 1e-3, "floor": 0.0, "warmup_steps": 0, "total_steps": total}


def _growing(name: str, step: int, catches: str) -> None:
    """Add a late step of a growing batch and of a growing length."""
    stages = {"step": step, "sizes": [3, 40_000, 7], "stage_steps": [200, 40_000]}
    line = {"step": step, "first": 8, "last": 131_072, "growth_steps": 100_003, "multiple": 8}
    LARGE("train.batch_size", 3, catches, name)(lambda g: stages)
    LARGE("train.sequence_length", 1, catches, name)(lambda g: line)


_growing("step_256", 256, "a number of the step in 8 bits")
_growing("step_32_769", 32_769, "a number of the step in 16 bits")
_growing("step_70_001", 70_001, "a number of the step in 16 bits without a sign")
LARGE("train.batch_size", 1, "stages beyond the thousandth that are left out", "a_thousand_stages")(
    lambda g: {"step": 3_100, "sizes": [*range(1, 1_101)], "stage_steps": [3] * 1_099}
)
LARGE("train.batch_size", 2, "a limit on how many steps there may be", "a_million_steps")(
    lambda g: {"step": 1_000_000, "sizes": [8, 512], "stage_steps": [1_000]}
)
LARGE("train.sequence_length", 4, "a line in float32, or in float64", "far_along")(
    lambda g: {
        "step": 333_333_333_333_333_333, "first": 0, "last": 3_000_000, "growth_steps": 10**18, "multiple": 1,
    }
)  # fmt: skip
