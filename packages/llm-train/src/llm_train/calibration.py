"""The rehearsal: a few real updates on a copy that is thrown away, to decide what depends on the machine.

How many steps fit into the wished time, and whether bfloat16 is faster here, cannot be known beforehand: some
processors multiply bfloat16 five times as fast as float32, others more slowly. Both are measured once and written into
the run's recipe, so that schedule, data order and a resumed run do not depend on any clock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from llm_train.interface import TrainError
from llm_train.recipe import Recipe
from llm_train.trainer import Trainer

WARM_UP, MEASURED = 1, 5
"""Updates that are not counted (the first one is slow: memory, kernels), and those that are."""
FORWARD_SHARE = 0.6
"""Time of a token in a float32 pass without gradients, as a share of its time in an update; rather too much."""
CLOSING_SECONDS = 5.0
"""For the last samples, the plot, and writing the model."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Decisions:
    """What a rehearsal found."""

    precision: str
    seconds_per_step: float


def rehearse(recipe: Recipe, make_trainer: Callable[[torch.dtype], Trainer]) -> Decisions:
    """Time an update in each precision that the recipe allows and give the fastest."""
    wanted = recipe.training.precision
    candidates = list(DTYPES) if wanted == "auto" else [wanted]
    timed = [(seconds_per_step(make_trainer(DTYPES[name])), name) for name in candidates]
    seconds, precision = min(timed)
    return Decisions(precision, seconds)


def seconds_per_step(trainer: Trainer) -> float:
    """The mean time of a few updates; the mean and not the best one, because a run meets the slow ones too."""
    for _ in trainer.run(0, WARM_UP):
        pass
    start = time.perf_counter()
    for _ in trainer.run(WARM_UP, WARM_UP + MEASURED):
        pass
    return (time.perf_counter() - start) / MEASURED


def steps_that_fit(recipe: Recipe, *, seconds_per_step: float, elapsed: float, held_out_tokens: int) -> int:
    """How many updates leave the whole command at the wished minutes.

    Args:
        recipe: its `minutes` is the wall time of everything.
        seconds_per_step: measured.
        elapsed: seconds that have gone already.
        held_out_tokens: the last validation reads all of them.

    Raises:
        TrainError: not even a handful fits.
    """
    training, report = recipe.training, recipe.report
    assert training.minutes is not None, "steps are only worked out where minutes are given"
    tokens_per_step = training.batch * training.accumulate * recipe.model.context
    read = held_out_tokens + report.validations * report.validation_windows * recipe.model.context
    validating = read * FORWARD_SHARE * seconds_per_step / tokens_per_step
    left = training.minutes * 60 - elapsed - validating - CLOSING_SECONDS
    steps = int(left / seconds_per_step)
    if steps < 10:
        raise TrainError(
            f"training.minutes is {training.minutes}, but {elapsed + validating + CLOSING_SECONDS:.0f} s of it go into "
            f"everything around the training, and a step takes {seconds_per_step:.2f} s: give more minutes"
        )
    return steps
