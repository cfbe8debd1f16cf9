"""All stages of a run: text, tokenizer, tokens, model, training, validation, and what is written at the end."""

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from llm_layers import parameter_count, save_model
from llm_tokenizer import save_tokenizer
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.files.writing import write_json, write_text
from llm_train.backends.threads import Workers, worker_count, worker_threads
from llm_train.checkpoint import Checkpoint, load_newest, save_checkpoint
from llm_train.evaluation import Evaluation, evaluate
from llm_train.interface import TrainError
from llm_train.objectives.next_token import next_token_loss
from llm_train.recipes.recipe import Recipe
from llm_train.runs.calibration import DTYPES, calibrate, steps_that_fit
from llm_train.runs.environment import environment
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StopRequest
from llm_train.runs.lock import locked
from llm_train.runs.metrics import MetricsLog
from llm_train.runs.plots import plot_loss
from llm_train.runs.progress import LoopProgress, Reporter
from llm_train.runs.samples import sample
from llm_train.stages.build import build_model, build_trainer
from llm_train.stages.prepare import Prepared, prepare
from llm_train.trainer import Step

VALIDATION_BATCH = 16
"""Windows that a validation reads at once."""


def train(recipe: Recipe, folder: str | Path, reporter: Reporter | None = None) -> dict[str, Any]:
    """Train a model by a recipe in a run folder, from the start or from where it was stopped; return the results.

    The same call resumes a stopped run, and returns the results of a finished one.

    Raises:
        TrainError: the recipe, the corpus or the folder is not what it must be; nothing was overwritten.
        Interrupted: the run was asked to stop; everything is saved.
    """
    reporter = reporter or Reporter()
    run = Run(folder)
    with locked(run.folder):
        recipe = run.claim(recipe)
        if run.finished:
            run.require_same_text(recipe)
            reporter.say(f"{run.folder} is already finished")
            return run.results()
        if recipe.training.threads is None:
            recipe = recipe.with_values(threads=worker_count(recipe.training.batch))
        with worker_threads(recipe.training.threads or 1) as workers:
            try:
                write_json(run.environment_file, environment())
                prepared = prepare(recipe, run, reporter)
                recipe = recipe.with_values(vocab_size=prepared.tokenizer.vocab_size)
                training_run = TrainingRun(recipe, run, prepared, reporter, workers)
            except BaseException:
                run.discard_preparation()
                raise
            with MetricsLog(run.metrics_file, after_step=training_run.start) as log:
                training_run.train(log)
                return training_run.finish(log)


def evenly_spread(steps: int, count: int) -> frozenset[int]:
    """Return `count` steps spread evenly over a run, without the last: everything is done at the end anyway."""
    return frozenset(round(index * steps / (count + 1)) for index in range(1, count + 1)) - {0, steps}


class TrainingRun:
    """The part of a run in which there is a model."""

    def __init__(self, recipe: Recipe, run: Run, prepared: Prepared, reporter: Reporter, workers: Workers) -> None:
        """Build the model, decide what the recipe leaves open, and load the newest checkpoint."""
        self.run, self.prepared, self.reporter, self.workers = run, prepared, reporter, workers
        self.loop_seconds = 0.0
        with reporter.stage("model") as stage:
            self.recipe = self._resolved(recipe, stage.display)
            self.model = build_model(self.recipe)
            dtype = DTYPES[self.recipe.training.precision]
            self.trainer = build_trainer(self.recipe, self.model, prepared.training, dtype, workers)
            self.start = self._resume()
            count = parameter_count(self.model.config)
            stage.report = (
                f"{count / 1e6:.2f} million weights, {self.recipe.training.precision}, {quantity(self.steps, 'step')}"
            )

    @property
    def steps(self) -> int:
        """The number of updates of the run."""
        assert self.recipe.training.steps is not None, "the recipe is resolved"
        return self.recipe.training.steps

    def train(self, log: MetricsLog) -> None:
        """Run the loop, with validations, samples and checkpoints at the recipe's intervals.

        Raises:
            Interrupted: a signal came; the step was finished and saved.
        """
        report = self.recipe.report
        validations = evenly_spread(self.steps, report.validations)
        samples = evenly_spread(self.steps, report.samples)
        checkpoints = evenly_spread(self.steps, report.checkpoints)
        progress = LoopProgress(self.steps, self.start * self._tokens_per_step, self.loop_seconds)
        with self.reporter.stage("training") as stage, StopRequest() as stop, progress:
            stage.display.close()  # the loop has a line of its own
            for step in self.trainer.run(self.start, self.steps):
                self._record(log, progress, step)
                if step.number in validations:
                    progress.validation = self._validate(log, step.number, report.validation_windows).loss
                if step.number in samples:
                    self._sample(step.number)
                # Last, so that only the next step follows a checkpoint, in a resumed run too.
                if step.number in checkpoints or step.number == self.steps or stop.requested:
                    self._save(step.number, progress.seconds)
                if stop.requested and step.number < self.steps:
                    raise Interrupted(f"stopped after step {step.number:,} of {self.steps:,}; everything is saved")
            self.loop_seconds, self.tokens_per_second = progress.seconds, progress.tokens_per_second
            stage.report = f"{quantity(self.steps - self.start, 'step')}, {self.tokens_per_second:,.0f} tokens/s"

    def finish(self, log: MetricsLog) -> dict[str, Any]:
        """Evaluate the model on all held-out text, write the model, a sample, the plot and the results."""
        with self.reporter.stage("validation") as stage:
            result = self._validate(log, self.steps, None)
            stage.report = f"loss {result.loss:.4f}, {result.bits_per_byte:.4f} bits per byte on all held-out text"
        with self.reporter.stage("save model") as stage:
            end = self.prepared.separator
            save_model(self.model, self.run.model_folder, bos_token_id=end, eos_token_id=end)
            save_tokenizer(self.prepared.tokenizer, self.run.model_folder)
            text = self._sample(self.steps)
            stage.report = f"{self.run.model_folder} in the Hugging Face layout"
        self._plot(result)
        results = {
            "validation_loss": result.loss,
            "bits_per_byte": result.bits_per_byte,
            "perplexity": result.perplexity if math.isfinite(result.perplexity) else None,  # JSON has no infinity
            "steps": self.steps,
            "tokens": self.steps * self._tokens_per_step,
            "tokens_per_second": self.tokens_per_second,
            "parameters": parameter_count(self.model.config),
            "precision": self.recipe.training.precision,
            "seconds": self.reporter.elapsed,
            "seconds_by_stage": self.reporter.seconds | {"training": self.loop_seconds},
            "resumed_at": self.start,
            "sample": text,
            "sample_prompt": self.recipe.report.sample_prompt,
            "prompt": self.prepared.prompt,
        }
        write_json(self.run.results_file, results)  # last: from now on the run counts as finished
        return results

    @property
    def _tokens_per_step(self) -> int:
        training = self.recipe.training
        return training.batch * training.accumulate * self.recipe.model.context_length

    def _resolved(self, recipe: Recipe, report: Callable[[str], None]) -> Recipe:
        """Decide what the recipe leaves open and write it into the run folder."""
        training = recipe.training
        if training.steps is None or training.precision == "auto":
            text = self.prepared.training
            seconds, precision = calibrate(
                recipe, lambda dtype: build_trainer(recipe, build_model(recipe), text, dtype, self.workers), report
            )
            steps = training.steps or steps_that_fit(
                recipe,
                seconds_per_step=seconds,
                elapsed=self.reporter.elapsed,
                held_out_tokens=len(self.prepared.held_out),
            )
            recipe = replace(recipe, training=replace(training, steps=steps, precision=precision))
        self.run.resolve(recipe)
        return recipe

    def _resume(self) -> int:
        """Load the newest intact checkpoint into model and optimizer; return its step, 0 without one.

        The time that was spent until then counts on.
        """
        checkpoint, skipped = load_newest(self.run.checkpoints_folder)
        for note in skipped:
            self.reporter.say(f"note: {note}", style="yellow")
        if checkpoint is None:
            return 0
        if checkpoint.state["tokenizer_sha256"] != self.prepared.tokenizer_sha256:
            raise TrainError(f"{self.run.folder}: its checkpoint was made with another tokenizer; use --run NAME")
        self.model.load_state_dict(dict(checkpoint.model))
        self.trainer.optimizer.load_state(checkpoint.optimizer)
        self.loop_seconds = checkpoint.state["loop_seconds"]
        self.reporter.started -= checkpoint.state["seconds"]
        self.reporter.say(f"resuming from step {checkpoint.step:,}")
        return checkpoint.step

    def _save(self, step: int, loop_seconds: float) -> None:
        state = {
            "tokenizer_sha256": self.prepared.tokenizer_sha256, "torch": torch.__version__,
            "seconds": self.reporter.elapsed, "loop_seconds": loop_seconds,
        }  # fmt: skip
        checkpoint = Checkpoint(step, self.model.state_dict(), self.trainer.optimizer.state(), state)
        save_checkpoint(self.run.checkpoints_folder, checkpoint, keep=self.recipe.report.keep)

    def _record(self, log: MetricsLog, progress: LoopProgress, step: Step) -> None:
        progress.update(step.number, step.loss, step.tokens)
        values = asdict(step)
        number = values.pop("number")
        values["tokens"] = number * self._tokens_per_step
        log.write(step=number, **values, seconds=round(self.reporter.elapsed, 3))

    def _validate(self, log: MetricsLog, step: int, windows: int | None) -> Evaluation:
        result = evaluate(
            self.model, next_token_loss, self.prepared.held_out, context_length=self.recipe.model.context_length,
            batch=VALIDATION_BATCH, windows=windows, workers=self.workers,
        )  # fmt: skip
        log.write(
            step=step, validation_loss=result.loss, bits_per_byte=result.bits_per_byte,
            windows="all" if windows is None else windows,
        )  # fmt: skip
        return result

    def _sample(self, step: int) -> str:
        report = self.recipe.report
        text = sample(
            self.model, self.prepared.tokenizer, report.sample_prompt,
            tokens=report.sample_tokens, seed=self.recipe.training.seed,
        )  # fmt: skip
        self.run.samples_folder.mkdir(exist_ok=True)
        write_text(self.run.samples_folder / f"step-{step:08d}.txt", text + "\n")
        return text

    def _plot(self, result: Evaluation) -> None:
        with self.reporter.stage("plot") as stage:
            if find_spec("matplotlib") is None:
                stage.report = "skipped: after `pip install matplotlib` the next runs have a loss curve"
                return
            svg, png = self.run.folder / "loss.svg", self.run.folder / "loss.png"
            plot_loss(
                self.run.metrics_file, tokens_per_byte=result.tokens_per_byte,
                title=f"{self.run.name}: {quantity(self.steps, 'step')}", svg=svg, png=png,
            )  # fmt: skip
            stage.report = f"{svg} and .png"
