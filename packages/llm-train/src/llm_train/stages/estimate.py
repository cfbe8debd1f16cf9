"""Predict a run before it is started: parameters, tokens, FLOPs, memory and time on this machine.

Everything that a run does once is done here once, in a folder that is thrown away; what it does often is done a few
times, and the median is multiplied. So the prediction counts what is easily forgotten: the start of Python, the text,
the tokenizer, the calibration, validations, samples, checkpoints.
"""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from llm_layers import Decoder, parameter_count, save_model, training_flops_per_token
from llm_tokenizer import save_tokenizer
from llm_train.checkpoints.record import Layout
from llm_train.checkpoints.store import CheckpointStore
from llm_train.evaluation import evaluate
from llm_train.objectives.next_token import next_token_loss
from llm_train.recipes.recipe import Recipe
from llm_train.runs.memory import available_memory, peak_memory
from llm_train.runs.peak import peak_flops
from llm_train.runs.progress import Reporter
from llm_train.runs.samples import sample
from llm_train.stages.build import DTYPES, build_model, build_trainer, model_config
from llm_train.stages.decide import decided
from llm_train.stages.rehearsal import Rehearsal, rehearsal
from llm_train.trainer import Trainer

WARM_UP, FEWEST, MOST, ENOUGH = 2, 5, 40, 4.0
"""Updates that are not counted; how many are, at least and at most; and the seconds after which they are enough."""
WINDOWS, VALIDATION_BATCH = 64, 16
"""Windows of the held-out text that are read to time a validation, and how many at once."""
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
    """The median."""
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
    free = available_memory()
    with rehearsal(recipe, folder, reporter) as prepared:
        with reporter.stage("model") as stage:
            recipe = decided(prepared.recipe, prepared.prepared, reporter, prepared.workers, stage.display)
            stage.report = f"{recipe.compute.precision}, {recipe.training.steps:,} steps"
        seconds = dict(reporter.seconds)  # of what a run does once too; what follows is only measured
        with reporter.stage("measuring") as stage:
            stage.display("updates, a validation, a sample, a checkpoint")
            return _measured(recipe, prepared, seconds, free)


def _measured(recipe: Recipe, prepared: Rehearsal, once: dict[str, float], free: int | None) -> Estimate:
    training, report, workers = recipe.training, recipe.report, prepared.workers
    config, dtype, steps = model_config(recipe), DTYPES[recipe.compute.precision], training.steps or 1
    model = build_model(recipe)
    trainer = build_trainer(recipe, model, prepared.prepared.training, workers)
    warm_up, per_step = _updates(trainer, steps)
    read, per_window = _validation(recipe, prepared, model)
    writing = _checkpoint(prepared, model, trainer)
    sampling = _sample(recipe, prepared, model)
    seconds = once | {
        "updates": warm_up + max(0, steps - WARM_UP) * per_step,
        "validations": report.validations * min(report.validation_windows, read) * per_window,
        "samples": (report.samples + 1) * sampling,
        "checkpoints": (report.checkpoints + 1) * writing,
        "validation": read * per_window,
        "save model": _model_folder(prepared, model),
    }
    per_update = training.batch * training.accumulate * recipe.model.context_length
    flops = training_flops_per_token(config, recipe.model.context_length) * per_update
    peak = peak_flops(dtype, workers)
    return Estimate(
        recipe=recipe.name, precision=recipe.compute.precision, threads=workers.count,
        parameters=parameter_count(config), steps=steps, tokens=steps * per_update, flops=float(steps * flops), memory_bytes=peak_memory(),
        free_memory_bytes=free, seconds=sum(seconds.values()), seconds_by_stage=seconds, seconds_per_step=per_step,
        tokens_per_second=per_update / per_step, peak_flops_per_second=peak,
        model_flops_utilization=flops / per_step / peak,
    )  # fmt: skip


def _updates(trainer: Trainer, steps: int) -> tuple[float, float]:
    """Time real updates: all of the warm-up together, and the median of those after it."""
    times: list[float] = []
    before = began = time.perf_counter()
    for number, _ in enumerate(trainer.run(0, max(1, min(WARM_UP + MOST, steps))), 1):
        now = time.perf_counter()
        times.append(now - before)
        before = now
        if number >= WARM_UP + FEWEST and now - began > ENOUGH:
            break
    return sum(times[:WARM_UP]), statistics.median(times[WARM_UP:] or times)


def _validation(recipe: Recipe, prepared: Rehearsal, model: Decoder) -> tuple[float, float]:
    """Return how many windows the held-out text has, and the seconds for one."""
    text, length = prepared.prepared.held_out, recipe.model.context_length
    whole = (len(text) - 1) / length
    chosen = min(WINDOWS, max(1, int(whole)))
    began = time.perf_counter()
    evaluate(
        model, next_token_loss, text, context_length=length, batch=VALIDATION_BATCH, windows=chosen,
        workers=prepared.workers,
    )  # fmt: skip
    return whole, (time.perf_counter() - began) / min(chosen, whole)


def _checkpoint(prepared: Rehearsal, model: Decoder, trainer: Trainer) -> float:
    """Time a checkpoint, on the disk where the run will be."""
    began = time.perf_counter()
    layout = Layout.of(model, prepared.prepared.tokenizer)
    CheckpointStore(prepared.run.checkpoints_folder, model, {"optimizer": trainer.optimizer}, layout).save(1, {})
    return time.perf_counter() - began


def _sample(recipe: Recipe, prepared: Rehearsal, model: Decoder) -> float:
    """Time a short sample and return the seconds of one of the recipe's length."""
    wanted = recipe.report.sample_tokens
    tokens = min(wanted, SAMPLE_TOKENS)
    began = time.perf_counter()
    sample(model, prepared.prepared.tokenizer, recipe.report.sample_prompt, tokens=tokens, seed=recipe.training.seed)
    return (time.perf_counter() - began) / tokens * wanted


def _model_folder(prepared: Rehearsal, model: Decoder) -> float:
    """Time what is written at the end."""
    began = time.perf_counter()
    save_model(model, prepared.run.model_folder)
    save_tokenizer(prepared.prepared.tokenizer, prepared.run.model_folder)
    return time.perf_counter() - began
