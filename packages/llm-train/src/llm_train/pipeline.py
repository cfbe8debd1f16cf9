"""A recipe to a trained model: text, tokenizer, tokens, model, training, and what is left behind at the end."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from llm_layers import parameter_count, save_model
from llm_tokenizer import save_tokenizer
from llm_train.building import build_model, build_trainer
from llm_train.calibration import DTYPES, rehearse, steps_that_fit
from llm_train.checkpoint import Checkpoint, load_newest, save_checkpoint
from llm_train.environment import environment
from llm_train.evaluation import Evaluation, evaluate
from llm_train.interface import TrainError
from llm_train.interruption import Interrupted, StopRequest
from llm_train.metrics import MetricsLog
from llm_train.milestones import milestones
from llm_train.objectives import next_token_loss
from llm_train.plots import plot_loss, plotting_available
from llm_train.preparation import END_OF_TEXT, Prepared, prepare
from llm_train.progress import Announcer, LoopProgress
from llm_train.recipe import Recipe
from llm_train.run import Run, write_json, write_whole
from llm_train.samples import sample
from llm_train.trainer import Step
from llm_train.workers import Workers, workers_for, workers_of_one_thread


def train(recipe: Recipe, folder: str | Path, announcer: Announcer | None = None) -> dict[str, Any]:
    """Train a model by a recipe in a run folder, from the start or from where it was stopped; give its figures.

    The same call again goes on after a stop, and repeats the figures of a finished run.

    Raises:
        TrainError: the recipe, the corpus or the folder is not what it must be; nothing was overwritten.
        Interrupted: somebody asked it to stop; everything is saved.
    """
    announcer = announcer or Announcer()
    run = Run(folder)
    with run.locked():
        recipe = run.claim(recipe)
        if run.finished:
            announcer.say(f"{run.folder} is finished; these are its figures.")
            return run.figures()
        if recipe.training.threads is None:
            recipe = recipe.with_values(threads=workers_for(recipe.training.batch))
        with workers_of_one_thread(recipe.training.threads or 1) as workers:
            try:
                write_json(run.environment_file, environment())
                work = Work(recipe, run, prepare(recipe, run, announcer), announcer, workers)
            except BaseException:
                run.discard_preparation()
                raise
            with MetricsLog(run.metrics_file, after_step=work.start) as log:
                work.train(log)
                return work.finish(log)


class Work:
    """The part of a run in which there is a model."""

    def __init__(self, recipe: Recipe, run: Run, prepared: Prepared, announcer: Announcer, workers: Workers) -> None:
        """Build the model, decide what the recipe leaves open, and take up the newest checkpoint."""
        self.run, self.prepared, self.announcer, self.workers = run, prepared, announcer, workers
        with announcer.stage("model") as stage:
            self.recipe = self._resolved(recipe)
            torch.manual_seed(self.recipe.training.seed)  # nothing draws from it; what is saved must not differ
            self.model = build_model(self.recipe)
            dtype = DTYPES[self.recipe.training.precision]
            self.trainer = build_trainer(self.recipe, self.model, prepared.training, dtype, workers)
            self.start = self._resume()
            count = parameter_count(self.model.config)
            stage.done(f"{count / 1e6:.2f} million weights, {self.recipe.training.precision}, {self.steps:,} steps")

    @property
    def steps(self) -> int:
        """How many updates the run has."""
        assert self.recipe.training.steps is not None, "the recipe is resolved"
        return self.recipe.training.steps

    def train(self, log: MetricsLog) -> None:
        """Run the loop, and look up from it at the milestones.

        Raises:
            Interrupted: a signal came; the step was finished and saved.
        """
        report = self.recipe.report
        validations = milestones(self.steps, report.validations)
        samples = milestones(self.steps, report.samples)
        checkpoints = milestones(self.steps, report.checkpoints)
        progress = LoopProgress(self.announcer.console, self.start, self.steps)
        with self.announcer.stage("training") as stage, StopRequest() as stop, progress:
            for step in self.trainer.run(self.start, self.steps):
                self._record(log, progress, step)
                if step.number in validations:
                    progress.validation = self._validate(log, step.number, report.validation_windows).loss
                if step.number in samples:
                    self._sample(step.number)
                # Last: what a checkpoint is followed by is then the next step, also when the run goes on from it.
                if step.number in checkpoints or step.number == self.steps or stop.requested:
                    self._save(step.number)
                if stop.requested and step.number < self.steps:
                    raise Interrupted(f"stopped after step {step.number:,} of {self.steps:,}; everything is saved")
            self.tokens_per_second = progress.tokens_per_second
            stage.done(f"{self.steps - self.start:,} steps, {self.tokens_per_second:,.0f} tokens/s")

    def finish(self, log: MetricsLog) -> dict[str, Any]:
        """Judge the model on all held-out text, and write model, samples, plot and figures."""
        with self.announcer.stage("validation") as stage:
            result = self._validate(log, self.steps, None)
            stage.done(f"loss {result.loss:.4f}, {result.bits_per_byte:.4f} bits per byte on all held-out text")
        with self.announcer.stage("model out") as stage:
            end = self.prepared.tokenizer.special_tokens[END_OF_TEXT]
            save_model(self.model, self.run.model_folder, bos_token_id=end, eos_token_id=end)
            save_tokenizer(self.prepared.tokenizer, self.run.model_folder)
            text = self._sample(self.steps)
            stage.done(f"{self.run.model_folder} in the Hugging Face layout")
        self._plot(result)
        figures = {
            "validation_loss": result.loss,
            "bits_per_byte": result.bits_per_byte,
            "perplexity": result.perplexity,
            "steps": self.steps,
            "tokens": self.steps * self._tokens_per_step,
            "tokens_per_second": self.tokens_per_second,
            "parameters": parameter_count(self.model.config),
            "precision": self.recipe.training.precision,
            "seconds": self.announcer.elapsed,
            "seconds_by_stage": dict(self.announcer.seconds),
            "resumed_at": self.start,
            "sample": text,
        }
        write_json(self.run.figures_file, figures)  # last: from now on the run counts as finished
        return figures

    @property
    def _tokens_per_step(self) -> int:
        training = self.recipe.training
        return training.batch * training.accumulate * self.recipe.model.context

    def _resolved(self, recipe: Recipe) -> Recipe:
        """Decide what the recipe leaves open and write it into the run folder."""
        training = recipe.training
        if training.steps is None or training.precision == "auto":
            text = self.prepared.training
            found = rehearse(
                recipe, lambda dtype: build_trainer(recipe, build_model(recipe), text, dtype, self.workers)
            )
            steps = training.steps or steps_that_fit(
                recipe,
                seconds_per_step=found.seconds_per_step,
                elapsed=self.announcer.elapsed,
                held_out_tokens=len(self.prepared.held_out),
            )
            recipe = recipe.with_values(steps=steps, precision=found.precision)
        self.run.resolve(recipe)
        return recipe

    def _resume(self) -> int:
        """Load the newest whole checkpoint into model and optimizer; give its step, 0 without one."""
        checkpoint, passed_over = load_newest(self.run.checkpoints_folder)
        for note in passed_over:
            self.announcer.say(f"note: {note}", style="yellow")
        if checkpoint is None:
            return 0
        if checkpoint.state["tokenizer_sha256"] != self.prepared.tokenizer_sha256:
            raise TrainError(f"{self.run.folder}: its checkpoint was made with another tokenizer; use --run NAME")
        self.model.load_state_dict(dict(checkpoint.model))
        self.trainer.optimizer.load_state(checkpoint.optimizer)
        self.announcer.say(f"going on from step {checkpoint.step:,}")
        return checkpoint.step

    def _save(self, step: int) -> None:
        state = {"tokenizer_sha256": self.prepared.tokenizer_sha256, "torch": torch.__version__}
        checkpoint = Checkpoint(step, self.model.state_dict(), self.trainer.optimizer.state(), state)
        save_checkpoint(self.run.checkpoints_folder, checkpoint, keep=self.recipe.report.keep)

    def _record(self, log: MetricsLog, progress: LoopProgress, step: Step) -> None:
        progress.update(step.number, step.loss, step.tokens)
        values = asdict(step)
        number = values.pop("number")
        values["tokens"] = number * self._tokens_per_step
        log.write(step=number, **values, seconds=round(self.announcer.elapsed, 3))

    def _validate(self, log: MetricsLog, step: int, windows: int | None) -> Evaluation:
        result = evaluate(
            self.model, next_token_loss, self.prepared.held_out,
            context=self.recipe.model.context, batch=16, windows=windows, workers=self.workers,
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
        write_whole(self.run.samples_folder / f"step-{step:08d}.txt", text + "\n")
        return text

    def _plot(self, result: Evaluation) -> None:
        with self.announcer.stage("plot") as stage:
            if not plotting_available():
                stage.done("left out: `pip install llm-train[plot]` draws the loss curve")
                return
            svg, png = self.run.folder / "loss.svg", self.run.folder / "loss.png"
            plot_loss(
                self.run.metrics_file, tokens_per_byte=result.tokens_per_byte,
                title=f"{self.run.name}: {self.steps:,} steps", svg=svg, png=png,
            )  # fmt: skip
            stage.done(f"{svg} and .png")
