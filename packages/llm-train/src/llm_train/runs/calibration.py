"""Calibration: a few real updates on a copy that is thrown away, to decide what depends on the machine.

How many steps fit into the wanted time, and whether bfloat16 is faster here, cannot be known beforehand: some
processors multiply bfloat16 five times as fast as float32, others more slowly. Both are measured once and written into
the run's recipe, so that schedule, data order and a resumed run do not depend on any clock.
"""

import math
import time
from collections.abc import Callable

from llm_train.backends.compiled import compiler_found
from llm_train.interface import TrainError
from llm_train.recipes.growth import UNDECIDED, grows, mean_seconds, mean_tokens
from llm_train.recipes.recipe import Recipe
from llm_train.trainer import Trainer

WARM_UP, MEASURED = 1, 5
"""Updates that are not counted (the first one is slow: memory, kernels), and those that are."""
FIRST_SECONDS = 1.0
"""What the update that is not counted may take, however fast the others are."""
FORWARD_FRACTION = 0.6
"""Time per token of a float32 pass without gradients, as a fraction of an update's; an upper estimate."""
CLOSING_SECONDS = 5.0
"""For the last samples, the page, and writing the model."""
FEWEST = 10
"""Updates that a run of given minutes must have."""
WORTH_COMPILING = 120.0
"""Seconds of a training loop from which on compiling, which takes up to a minute, can pay."""
FASTER = 0.9
"""A compiled update must take at most this part of the time of an eager one."""

WORDS = {
    "float32": "numbers of 32 bits",
    "bfloat16": "numbers of 16 bits, much faster on some processors",
    "float16": "numbers of 16 bits, for accelerators",
}
AUTOMATIC = ("float32", "bfloat16")
"""The precisions that `auto` chooses from; float16 needs a loss scale, and is for accelerators without bfloat16."""


def calibrate(
    recipe: Recipe, make_trainer: Callable[[Recipe], Trainer], report: Callable[[str], None]
) -> tuple[float, Recipe]:
    """Time an update in each precision that the recipe allows, and compiled; return the seconds and the fastest way.

    A run of no more updates than the measuring takes gains nothing by it, and gets float32 and no compiler. Neither
    does one whose rows grow get a compiler, which would compile each length anew. Where updates read more and more, the
    last ones are timed too, and the seconds are the mean of the whole run.
    """
    steps = recipe.training.steps
    precisions = list(AUTOMATIC) if recipe.compute.precision == "auto" else [recipe.compute.precision]
    ways = [recipe.with_values(precision=name, compile=_first(recipe)) for name in precisions]
    best = math.inf, ways[0]
    if steps is None or steps > len(ways) * (WARM_UP + MEASURED):
        for way in ways:
            report(f"measuring updates in {way.compute.precision}, {WORDS[way.compute.precision]}")
            best = min(best, (seconds_per_step(make_trainer(way), best[0]), way), key=lambda one: one[0])
    compilable = recipe.compute.compile == "auto" and recipe.schedule.first_length is None and compiler_found()
    if compilable and _loop_seconds(recipe, best[0]) > WORTH_COMPILING:
        report("compiling the model, and measuring its speed")
        way = best[1].with_values(compile="yes")
        began = time.perf_counter()
        seconds = seconds_per_step(make_trainer(way), best[0], first_seconds=math.inf)
        cost = time.perf_counter() - began  # a resumed run finds most of it on the disk
        if seconds < best[0] * FASTER:
            best = seconds, way
        report(f"compiled in {cost:.0f} s")
    if steps is None and grows(recipe):
        report("measuring the last updates, which read more")
        last = seconds_per_step(make_trainer(best[1]), start=UNDECIDED - WARM_UP - MEASURED)
        best = mean_seconds(recipe, best[0], last), best[1]
    return best


def _first(recipe: Recipe) -> str:
    return "no" if recipe.compute.compile == "auto" else recipe.compute.compile


def _loop_seconds(recipe: Recipe, seconds_per_step: float) -> float:
    """Return about how long all updates will take."""
    if recipe.training.steps is not None:
        return recipe.training.steps * seconds_per_step if math.isfinite(seconds_per_step) else 0.0
    return 60 * (recipe.training.minutes or 0.0)


def seconds_per_step(
    trainer: Trainer, best: float = math.inf, *, first_seconds: float = FIRST_SECONDS, start: int = 0
) -> float:
    """Return the mean time of a few updates from number `start` on, or infinity as soon as it cannot be below `best`.

    The mean and not the shortest, because a run has slow ones too.
    """
    limit = best * MEASURED
    began = time.perf_counter()
    for _ in trainer.run(start, start + WARM_UP):
        pass
    if trainer.place.any(time.perf_counter() - began > max(limit, first_seconds)):  # all processes stop, or none
        return math.inf
    began = time.perf_counter()
    for _ in trainer.run(start + WARM_UP, start + WARM_UP + MEASURED):
        if trainer.place.any(time.perf_counter() - began > limit):
            return math.inf
    return (time.perf_counter() - began) / MEASURED


def steps_that_fit(recipe: Recipe, *, seconds_per_step: float, elapsed: float, held_out_tokens: int) -> int:
    """Return how many updates make the whole command take the wanted minutes.

    Args:
        recipe: its `minutes` is the wall time of everything.
        seconds_per_step: measured; the mean of the whole run.
        elapsed: seconds that have passed already.
        held_out_tokens: the last validation reads all of them.

    Raises:
        TrainError: fewer than `FEWEST` fit.
    """
    training, report = recipe.training, recipe.report
    assert training.minutes is not None, "steps are only worked out where minutes are given"
    read = held_out_tokens + report.validations * report.validation_windows * recipe.model.context_length
    validating = read * FORWARD_FRACTION * seconds_per_step / mean_tokens(recipe)
    left = training.minutes * 60 - elapsed - validating - CLOSING_SECONDS
    steps = int(left / seconds_per_step)
    if steps < FEWEST:
        needed = elapsed + validating + CLOSING_SECONDS + FEWEST * seconds_per_step
        least = math.ceil(needed / 6) / 10  # minutes, to a tenth
        raise TrainError(
            f"training.minutes must be at least about {least}, was {training.minutes}: {elapsed:.0f} s went into "
            f"preparing and measuring, the validations take about {validating:.0f} s, what is written at the end "
            f"{CLOSING_SECONDS:.0f} s, and {FEWEST} steps {FEWEST * seconds_per_step:.0f} s"
        )
    return steps
