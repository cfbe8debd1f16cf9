"""The part of a run in which there is a model: the loop, with its validations, samples and checkpoints."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from llm_layers import parameter_count, training_flops_per_token
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.files.writing import write_text
from llm_train.backends.threads import Workers
from llm_train.checkpoints.record import Layout
from llm_train.checkpoints.store import CheckpointStore
from llm_train.data.batch import Batch
from llm_train.evaluation import Evaluation, evaluate, evaluating
from llm_train.interface import Objective, TrainError
from llm_train.objectives.next_token import next_token_loss
from llm_train.recipes.recipe import Recipe
from llm_train.runs.agreement import changed_fields
from llm_train.runs.calibration import DTYPES, calibrate, steps_that_fit
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StopRequest
from llm_train.runs.logs import Logs
from llm_train.runs.memory import peak_memory
from llm_train.runs.peak import peak_flops
from llm_train.runs.plan import Plan
from llm_train.runs.progress import LoopProgress, Reporter
from llm_train.runs.samples import sample
from llm_train.runs.update_ratios import UpdateRatios
from llm_train.stages.build import build_model, build_trainer
from llm_train.stages.prepare import END_OF_TEXT, Prepared
from llm_train.trainer import Step

VALIDATION_BATCH = 16
"""Windows that a validation reads at once."""
WORTH_MEASURING = 100
"""Updates from which on a run measures the peak of this machine, which takes part of a second."""


class TrainingRun:
    """A model, its trainer, and the folder in which all of it is kept."""

    def __init__(self, recipe: Recipe, run: Run, prepared: Prepared, reporter: Reporter, workers: Workers) -> None:
        """Build the model, decide what the recipe leaves open, and load the newest checkpoint."""
        self.run, self.prepared, self.reporter, self.workers = run, prepared, reporter, workers
        with reporter.stage("model") as stage:
            self.recipe = self._resolved(recipe, stage.display)
            self.plan = Plan.of(self.recipe)
            self.model = build_model(self.recipe)
            dtype = DTYPES[self.recipe.training.precision]
            self.trainer = build_trainer(self.recipe, self.model, prepared.training, dtype, workers)
            end = prepared.tokenizer.special_tokens[END_OF_TEXT]
            self.layout = Layout.of(self.model, prepared.tokenizer, bos=end, eos=end)
            parts = {"optimizer": self.trainer.optimizer}
            self.checkpoints = CheckpointStore(run.checkpoints_folder, self.model, parts, self.layout)
            self.progress = LoopProgress(self.plan.steps)
            self.start = self._resume()
            self.run.resolve(self.recipe)
            self.flops_per_token = training_flops_per_token(self.model.config, self.recipe.model.context_length)
            long = self.plan.steps - self.start >= WORTH_MEASURING
            self.peak_flops = peak_flops(dtype, workers) if long else None
            count = parameter_count(self.model.config)
            stage.report = (
                f"{count / 1e6:.2f} million weights, {self.recipe.training.precision}, "
                f"{quantity(self.plan.steps, 'step')}"
            )

    def train(self, logs: Logs, stop: StopRequest) -> None:
        """Run the loop. What is due after a step is done once its checkpoint, if it has one, is on the disk.

        So a validation that is killed loses nothing; a resumed run begins with what is due after its first step.

        Raises:
            Interrupted: a signal came; the step was finished and saved.
        """
        ratios = UpdateRatios(self.model)
        with self.reporter.stage("training") as stage, stop.deferred(), self.progress as progress:
            stage.display.close()  # the loop has a line of its own
            if self.start:
                self._do_what_is_due(self.start, logs, stop)
            if self.start + 1 in self.plan.ratios:
                ratios.before()
            for step in self.trainer.run(self.start, self.plan.steps):
                self._record(logs, step, ratios.after() if step.number in self.plan.ratios else None)
                if step.number in self.plan.checkpoints or stop.requested:
                    self._save(step.number, logs)
                stop.check(f"after step {step.number:,} of {self.plan.steps:,}")
                self._do_what_is_due(step.number, logs, stop)
                if step.number + 1 in self.plan.ratios:
                    ratios.before()
            stage.report = (
                f"{quantity(self.plan.steps - self.start, 'step')}, {progress.tokens_per_second:,.0f} tokens/s"
            )

    def validate(
        self, logs: Logs, step: int, windows: int | None, objective: Objective = next_token_loss
    ) -> Evaluation:
        """Measure the loss on held-out text, on some windows or on all of it, and log it."""
        result = evaluate(
            self.model, objective, self.prepared.held_out, context_length=self.recipe.model.context_length,
            batch=VALIDATION_BATCH, windows=windows, workers=self.workers,
        )  # fmt: skip
        shown = "all" if windows is None else windows
        logs.log(step, {"validation_loss": result.loss, "bits_per_byte": result.bits_per_byte, "windows": shown})
        return result

    def sample(self, step: int, tokens: int | None = None) -> str:
        """Write a sample, of the recipe's length or of so many tokens, into the run's folder, and return it."""
        report = self.recipe.report
        with evaluating(self.model):
            text = sample(
                self.model, self.prepared.tokenizer, report.sample_prompt,
                tokens=tokens or report.sample_tokens, seed=self.recipe.training.seed,
            )  # fmt: skip
        self.run.samples_folder.mkdir(exist_ok=True)
        write_text(self.run.samples_folder / f"step-{step:08d}.txt", text + "\n")
        return text

    def utilization(self, tokens_per_second: float) -> float | None:
        """Return the FLOPs of the model as a share of this machine's peak; None where that was not measured."""
        if self.peak_flops is None:
            return None
        return round(self.flops_per_token * tokens_per_second / self.peak_flops, 4)

    @property
    def tokens_per_step(self) -> int:
        """Training tokens of an update."""
        training = self.recipe.training
        return training.batch * training.accumulate * self.recipe.model.context_length

    def _resolved(self, recipe: Recipe, report: Callable[[str], None]) -> Recipe:
        """Decide what the recipe leaves open."""
        training = recipe.training
        if training.steps is not None and training.precision != "auto":
            return recipe
        text = self.prepared.training
        seconds, precision = calibrate(
            recipe, lambda dtype: build_trainer(recipe, build_model(recipe), text, dtype, self.workers), report
        )
        steps = training.steps or steps_that_fit(
            recipe, seconds_per_step=seconds, elapsed=self.reporter.elapsed, held_out_tokens=len(self.prepared.held_out)
        )
        return replace(recipe, training=replace(training, steps=steps, precision=precision))

    def _resume(self) -> int:
        """Load the newest whole checkpoint into model and optimizer; return its step, 0 without one.

        The time that was spent until then counts on.

        Raises:
            TrainError: it was made with another tokenizer or another recipe.
        """
        checkpoint, skipped = self.checkpoints.newest()
        for note in skipped:
            self.reporter.say(f"note: {note}", style="yellow")
        if checkpoint is None:
            return 0
        facts = checkpoint.facts
        if facts["tokenizer_sha256"] != self.prepared.tokenizer_sha256:
            raise TrainError(f"{self.run.folder}: its checkpoint was made with another tokenizer; use --run NAME")
        if changed := changed_fields(facts["recipe"], self.recipe):
            raise TrainError(
                f"{self.run.recipe_file} was changed after the checkpoint of step {checkpoint.step:,}: "
                f"{'; '.join(changed)}. Change it back, or choose another folder (in a command: --run NAME)"
            )
        self.checkpoints.restore(checkpoint)
        self.progress.tokens = checkpoint.step * self.tokens_per_step
        self.progress.earlier_seconds = facts["loop_seconds"]
        self.reporter.started -= facts["seconds"]
        self.reporter.say(f"resuming from step {checkpoint.step:,}")
        return checkpoint.step

    def _save(self, step: int, logs: Logs) -> None:
        logs.sync()  # first: a checkpoint must not be there without the rows up to its step
        facts = {
            "recipe": self.recipe.to_dict(), "tokenizer_sha256": self.prepared.tokenizer_sha256,
            "torch": torch.__version__, "seconds": self.reporter.elapsed, "loop_seconds": self.progress.seconds,
        }  # fmt: skip
        self.checkpoints.save(step, facts)
        self._remove_old()

    def _remove_old(self) -> None:
        report = self.recipe.report
        losses = self.run.validation_losses() if report.keep_best else {}
        best = min(losses, key=lambda step: losses[step], default=0)
        self.checkpoints.remove_old(keep=report.keep, every=report.keep_every, also={best})

    def _record(self, logs: Logs, step: Step, ratio: dict[str, float | None] | None) -> None:
        speed = self.progress.update(step.number, step.loss, step.tokens)
        values: dict[str, Any] = asdict(step)
        number = values.pop("number")
        values["tokens"] = number * self.tokens_per_step
        if ratio is not None:
            values["update_ratio"] = ratio
        logs.log(number, values, {
            "seconds": round(self.reporter.elapsed, 3), "tokens_per_second": round(speed, 1),
            "model_flops_utilization": self.utilization(speed), "memory_bytes": peak_memory(),
        })  # fmt: skip

    def _do_what_is_due(self, step: int, logs: Logs, stop: StopRequest) -> None:
        def polled(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
            stop.check(f"in the validation after step {step:,} of {self.plan.steps:,}")
            return next_token_loss(model, batch)

        if step in self.plan.validations:
            try:
                windows = self.recipe.report.validation_windows
                self.progress.validation = self.validate(logs, step, windows, polled).loss
            except Interrupted:
                self._save(step, logs)
                raise
            if self.recipe.report.keep_best:
                self._remove_old()
        if step in self.plan.samples:
            self.sample(step)
