"""Predict a run before it is started: parameters, tokens, FLOPs, memory and time on this machine.

Everything that a run does once is done here once, in a folder that is thrown away; what it does often is done a few
times, and the median is multiplied. So the prediction counts what is easily forgotten: the start of Python, the text,
the tokenizer, the calibration, validations, samples, checkpoints.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llm_layers import parameter_count, training_flops_per_token
from llm_train.place import find_device
from llm_train.recipes.growth import grows, mean_seconds, spans, tokens_read
from llm_train.recipes.recipe import Recipe
from llm_train.runs.logs import Logs
from llm_train.runs.memory import available_memory, peak_memory
from llm_train.runs.peak import peak_flops
from llm_train.runs.progress import Reporter
from llm_train.stages.build import DTYPES
from llm_train.stages.rehearsal import rehearsal
from llm_train.stages.training_run import TrainingRun
from llm_train.trainer import Step

WARM_UP, FEWEST, MOST, ENOUGH = 2, 5, 40, 4.0
"""Updates that are not counted; how many are, at least and at most; and the seconds after which they are enough."""
WINDOWS = 64
"""Windows of the held-out text that are read to time a validation."""
SAMPLE_TOKENS = 64
"""Tokens that are drawn to time a sample."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run of a recipe will take on this machine."""

    recipe: str
    precision: str
    threads: int
    parameters: int
    steps: int
    tokens: int
    flops: float
    memory_bytes: int | None
    """The most that the process will hold at once; None where the system does not tell."""
    free_memory_bytes: int | None
    seconds: float
    """Wall time of the whole command."""
    seconds_by_stage: dict[str, float]
    seconds_per_step: float
    """The median, or where updates read more and more, the mean of the run, by the medians of the first and last."""
    tokens_per_second: float
    """Of the updates alone."""
    peak_flops_per_second: float
    """Of large products in this precision, measured."""
    model_flops_utilization: float
    """FLOPs of the model per second of an update, as a share of that peak."""


def estimate(recipe: Recipe, folder: Path, reporter: Reporter) -> Estimate:
    """Predict what `llm-train run` of a recipe into a folder will take; nothing is left on the disk.

    Raises:
        TrainError: the run would be refused, for example because it does not fit into memory.
    """
    free = available_memory(find_device(recipe.compute.device))
    with rehearsal(recipe, folder, reporter) as prepared:
        training = TrainingRun(prepared.recipe, prepared.run, prepared.prepared, reporter, prepared.workers)
        once = dict(reporter.seconds)  # of what a run does once, too; what follows is only measured
        with reporter.stage("measuring") as stage, Logs(training.run, training.recipe, 0) as logs:
            stage.display("measuring updates, a validation, a sample, a checkpoint")
            return _measured(training, logs, once, free)


def _measured(training: TrainingRun, logs: Logs, once: dict[str, float], free: int | None) -> Estimate:
    recipe, plan, workers = training.recipe, training.plan, training.workers
    tokens, per_token = tokens_read(recipe, plan.steps), partial(training_flops_per_token, training.model.config)
    flops = sum(read * per_token(length) for length, read in spans(recipe, plan.steps))
    warm_up, per_step, ratios = _updates(training, logs)
    windows, per_window = _validation(training, logs)
    sampling, saving = _sample(training), _seconds(lambda: training.checkpoints.save(1, {}))
    seconds = once | {
        "updates": warm_up + max(0, plan.steps - WARM_UP) * per_step,
        "update ratios": len(plan.ratios) * ratios,
        "validations": len(plan.validations) * min(recipe.report.validation_windows, windows) * per_window,
        "samples": len(plan.samples) * sampling,
        "checkpoints": len(plan.checkpoints) * saving,
        "validation": windows * per_window,
        "save model": sampling + saving / 2,  # a last sample, and the model's part of the checkpoint copied
    }
    whole = plan.steps * per_step
    peak = training.recorder.peak_flops or peak_flops(DTYPES[recipe.compute.precision], workers)
    return Estimate(
        recipe=recipe.name, precision=recipe.compute.precision, threads=workers.count,
        parameters=parameter_count(training.model.config), steps=plan.steps, tokens=tokens,
        flops=float(flops), memory_bytes=peak_memory(), free_memory_bytes=free,
        seconds=sum(seconds.values()), seconds_by_stage=seconds, seconds_per_step=per_step,
        tokens_per_second=tokens / whole, peak_flops_per_second=peak, model_flops_utilization=flops / whole / peak,
    )  # fmt: skip


def _updates(training: TrainingRun, logs: Logs) -> tuple[float, float, float]:
    """Time real updates: all of the warm-up together, the median of those after it, and what their sizes cost more."""
    growing = grows(training.recipe)
    times, step = _times(training, logs, 0, FEWEST if growing else MOST)
    per_step = statistics.median(times[WARM_UP:] or times)
    if growing:
        last, step = _times(training, logs, max(0, training.plan.steps - WARM_UP - FEWEST), FEWEST)
        per_step = mean_seconds(training.recipe, per_step, statistics.median(last[WARM_UP:] or last))

    def measure_size() -> None:
        training.recorder.prepare(min(training.plan.ratios, default=0))
        training.recorder.rows(step)

    return sum(times[:WARM_UP]), per_step, _seconds(measure_size)


def _times(training: TrainingRun, logs: Logs, start: int, most: int) -> tuple[list[float], Step]:
    """Make some updates, and return the seconds of each, and the last one."""
    times: list[float] = []
    before = began = time.perf_counter()
    for step in training.trainer.run(start, min(start + WARM_UP + most, training.plan.steps)):
        logs.log(step.number, *training.recorder.rows(step))
        now = time.perf_counter()
        times.append(now - before)
        before = now
        if len(times) >= WARM_UP + FEWEST and now - began > ENOUGH:
            break
    return times, step


def _validation(training: TrainingRun, logs: Logs) -> tuple[float, float]:
    """Return how many windows the held-out text has, and the seconds for one."""
    whole = (len(training.prepared.held_out) - 1) / training.recipe.model.context_length
    chosen = min(WINDOWS, max(1, int(whole)))
    return whole, _seconds(lambda: training.validate(logs, 1, chosen)) / min(chosen, whole)


def _sample(training: TrainingRun) -> float:
    """Time a short sample and return the seconds of one of the recipe's length."""
    wanted = training.recipe.report.sample_tokens
    tokens = min(wanted, SAMPLE_TOKENS)
    return _seconds(lambda: training.sample(1, tokens)) / tokens * wanted


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
