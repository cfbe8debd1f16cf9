"""The part of a run in which there is a model: the loop, with its validations, samples and checkpoints."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from llm_layers import parameter_count
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.files.writing import write_text
from llm_train.backends.threads import Workers
from llm_train.checkpoints.record import PUBLIC, Layout, Stateful
from llm_train.checkpoints.store import CheckpointStore
from llm_train.data.batch import Batch
from llm_train.evaluation import Evaluation, evaluate, evaluating
from llm_train.interface import Objective, TrainError
from llm_train.objectives.next_token import next_token_loss
from llm_train.optimizers.averaging import AveragingOptimizer
from llm_train.place import Place
from llm_train.recipes.growth import tokens_read
from llm_train.recipes.recipe import Recipe
from llm_train.runs.agreement import changed_fields
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StopRequest
from llm_train.runs.logs import Logs
from llm_train.runs.peak import peak_flops
from llm_train.runs.plan import Plan
from llm_train.runs.progress import LoopProgress, Reporter
from llm_train.runs.recording import Recorder
from llm_train.runs.samples import sample
from llm_train.stages.build import DTYPES, build_model, build_trainer, flops_per_token, is_sharded
from llm_train.stages.decide import decided
from llm_train.stages.prepare import Prepared

VALIDATION_TOKENS = 8192
"""Tokens that a validation reads at once: with fewer, starting the operations takes longer than the operations."""
WORTH_MEASURING = 100
"""Steps of a run whose share of the machine's peak is worth measuring that peak."""


class TrainingRun:
    """A model, its trainer, and the folder in which all of it is kept.

    Several processes all compute the same, each its share; the first one alone writes.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: Run,
        prepared: Prepared,
        reporter: Reporter,
        workers: Workers,
        place: Place | None = None,
    ) -> None:
        """Build the model, decide what the recipe leaves open, and load the newest checkpoint."""
        self.run, self.prepared, self.reporter, self.workers = run, prepared, reporter, workers
        self.place = place or Place()
        with reporter.stage("model") as stage:
            self.recipe = decided(recipe, prepared, reporter, workers, self.place, stage.display)
            self.plan = Plan.of(self.recipe)
            self.model = build_model(self.recipe).to(self.place.device)
            dtype = DTYPES[self.recipe.compute.precision]
            end = prepared.separator
            self.layout = Layout.of(self.model, prepared.tokenizer, bos=end, eos=end)
            self.trainer = build_trainer(self.recipe, self.model, prepared.training, workers, self.place)
            self.split: Any = self.trainer.backend if is_sharded(self.recipe, self.place) else None
            parts: dict[str, Stateful] = {"optimizer": self.trainer.optimizer}
            if self.trainer.loss_scale is not None:
                parts["loss_scale"] = self.trainer.loss_scale
            self.checkpoints = CheckpointStore(
                run.checkpoints_folder,
                self.model,
                parts,
                self.layout,
                self.shown,
                self.place,
                self.recipe.compute.checkpoint_format,
            )
            whole = tokens_read(self.recipe, self.plan.steps)
            self.progress = LoopProgress(self.plan.steps, lambda step: tokens_read(self.recipe, step) / whole)
            self.recorder = Recorder(
                self.model, self.plan.ratios, self.progress, reporter,
                flops_per_token=flops_per_token(self.recipe),
                peak_flops=peak_flops(dtype, workers) if self.plan.steps >= WORTH_MEASURING else None,
            )  # fmt: skip
            self.start = self._resume()
            self.place.once(lambda: self.run.resolve(self.recipe))
            count = parameter_count(self.model.config)
            stage.report = (
                f"{count / 1e6:.2f} million weights, {self.recipe.compute.precision}, "
                f"{quantity(self.plan.steps, 'step')}"
            )
        if self.layout.names != PUBLIC:
            reporter.say(
                f"note: neither llm-generate nor another tool will load this model: {self.layout.reason}",
                style="yellow",
            )

    def train(self, logs: Logs, stop: StopRequest) -> None:
        """Run the loop. What is due after a step is done once its checkpoint, if it has one, is on the disk.

        So a validation that is killed loses nothing; a resumed run begins with what is due after its first step.

        Raises:
            Interrupted: a signal came; the step was finished and saved.
        """
        with self.reporter.stage("training") as stage, stop.deferred(), self.progress as progress:
            stage.display.close()  # the loop has a line of its own
            if self.start:
                self._do_what_is_due(self.start, logs, stop)
            self.recorder.prepare(self.start + 1)
            for step in self.trainer.run(self.start, self.plan.steps):
                logs.log(step.number, *self.recorder.rows(step))
                overdue = self.place.any(self.checkpoints.older_than(self.recipe.report.checkpoint_minutes))
                stopping = self.place.any(stop.requested)
                if step.number in self.plan.checkpoints or overdue or stopping:
                    self._save(step.number, logs)
                if stopping:
                    raise Interrupted(f"stopped after step {step.number:,} of {self.plan.steps:,}; everything is saved")
                self._do_what_is_due(step.number, logs, stop)
                self.recorder.prepare(step.number + 1)
            stage.report = (
                f"{quantity(self.plan.steps - self.start, 'step')}, {progress.tokens_per_second:,.0f} tokens/s "
                "on average, validations and samples included"
            )

    def validate(self, logs: Logs, step: int, windows: int | None, objective: Objective | None = None) -> Evaluation:
        """Measure the loss on held-out text, on some windows or on all of it, and log it."""
        length = self.recipe.model.context_length
        with self.shown():
            result = evaluate(
                self.model, objective or self.objective, self.prepared.held_out, context_length=length,
                batch=max(1, VALIDATION_TOKENS // length), windows=windows, workers=self.workers, place=self.place,
                mask_documents=self.recipe.data.mask_documents,
            )  # fmt: skip
        shown = "all" if windows is None else windows
        logs.log(step, {"validation_loss": result.loss, "bits_per_byte": result.bits_per_byte, "windows": shown})
        return result

    @property
    def objective(self) -> Objective:
        """Computes the loss without an update."""
        return next_token_loss if self.split is None else self.split.objective

    def shown(self) -> AbstractContextManager[None]:
        """Let the model have the weights to evaluate, sample and save: their average, if the recipe asks for one."""
        optimizer = self.trainer.optimizer
        return optimizer.average.in_model() if isinstance(optimizer, AveragingOptimizer) else nullcontext()

    def sample(self, step: int, tokens: int | None = None) -> str:
        """Write a sample, of the recipe's length or of so many tokens, into the run's folder, and return it."""
        report = self.recipe.report
        with self.shown(), evaluating(self.model):
            text = sample(
                self.split or self.model, self.prepared.tokenizer, report.sample_prompt,
                tokens=tokens or report.sample_tokens, seed=self.recipe.training.seed, device=self.place.device,
            )  # fmt: skip
        if self.place.first:
            self.run.samples_folder.mkdir(exist_ok=True)
            write_text(self.run.samples_folder / f"step-{step:08d}.txt", text + "\n")
        return text

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
        self.progress.tokens = facts["tokens"]
        self.progress.earlier_seconds = facts["loop_seconds"]
        self.reporter.started -= facts["seconds"]
        self.reporter.say(f"resuming from step {checkpoint.step:,}; {self.run.how_to_begin_anew}")
        return checkpoint.step

    def _save(self, step: int, logs: Logs) -> None:
        logs.sync()  # first: a checkpoint must not be there without the rows up to its step
        facts = {
            "recipe": self.recipe.to_dict(), "tokenizer_sha256": self.prepared.tokenizer_sha256,
            "torch": torch.__version__, "tokens": self.progress.tokens,
            "seconds": self.reporter.elapsed, "loop_seconds": self.progress.seconds,
        }  # fmt: skip
        self.checkpoints.save(step, facts)
        self._remove_old()

    def _remove_old(self) -> None:
        if not self.place.first:
            return
        report = self.recipe.report
        losses = self.run.validation_losses() if report.keep_best else {}
        best = min(losses, key=lambda step: losses[step], default=0)
        self.checkpoints.remove_old(keep=report.keep, every=report.keep_every, also={best})

    def _do_what_is_due(self, step: int, logs: Logs, stop: StopRequest) -> None:
        def polled(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
            if self.place.any(stop.requested):
                where = f"in the validation after step {step:,} of {self.plan.steps:,}"
                raise Interrupted(f"stopped {where}; everything is saved")
            return self.objective(model, batch)

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
