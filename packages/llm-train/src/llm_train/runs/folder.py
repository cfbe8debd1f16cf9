"""A run folder: everything that a training run leaves, and how to find it again.

runs/shakespeare/
recipe.toml       all settings                      environment.json  machine and versions
corpus.json       the documents of the text         tokens/           token ids, memory-mapped
metrics.jsonl     what the training measured        timings.jsonl     how fast it was
samples/          texts written along the way       checkpoints/      to resume from, each a model folder
model/            Hugging Face layout               report.html       curves, samples, settings on one page
loss.svg, .png    the loss curve                    results.json      written last: the run is finished
"""

import json
import os
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from llm_tokenizer.commands.wording import shortened
from llm_tokenizer.files.writing import atomic_write, remove_unfinished, write_json
from llm_tokenizer.interface import UserError
from llm_train.checkpoints.folders import folder_name, remove_leftovers, steps_saved
from llm_train.data.corpus import RunText, changes, load_corpus
from llm_train.data.known import read_known
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.runs.agreement import differences, with_changeable
from llm_train.runs.lock import LOCK
from llm_train.runs.metrics import read_metrics

SHOWN = 3
"""Differences from another run that are written out."""


def training_command() -> str:
    """Return how a training is started here: by nox if it called (it sets LLM_COMMAND), else by our own command."""
    return "nox -s train --" if "LLM_COMMAND" in os.environ else "llm-train run"


class Run:
    """One run folder. Making the object changes nothing on disk."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.recipe_file = self.folder / "recipe.toml"
        self.corpus_file = self.folder / "corpus.json"
        self.metrics_file = self.folder / "metrics.jsonl"
        self.timings_file = self.folder / "timings.jsonl"
        self.results_file = self.folder / "results.json"
        self.environment_file = self.folder / "environment.json"
        self.tokens_folder = self.folder / "tokens"
        self.samples_folder = self.folder / "samples"
        self.checkpoints_folder = self.folder / "checkpoints"
        self.model_folder = self.folder / "model"
        self.preparing_file = self.folder / ".preparing"

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """Open the run in a folder.

        Raises:
            TrainError: the folder has no run.
        """
        run = cls(folder)
        if not run.recipe_file.is_file():
            raise TrainError(f"{run.folder}: is not a run folder, it has no recipe.toml; `llm-train run` makes one")
        return run

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """Whether the run has reached its end."""
        return self.results_file.is_file()

    @property
    def how_to_begin_anew(self) -> str:
        """What to do for a run from the start; nobody removes a run but its owner."""
        return f"to begin anew, choose another folder (in a command: --run NAME) or remove {self.folder}"

    @property
    def how_to_resume(self) -> str:
        """The command that resumes the run; a recipe in the folder of a run means that run."""
        runs = self.folder.parent
        place = "" if runs == Path("runs") else f" --runs={shlex.quote(str(runs))}"
        return f"{training_command()} --recipe={shlex.quote(str(self.recipe_file))}{place}"

    def metrics(self) -> Iterator[dict[str, Any]]:
        """Yield the measurements, one row per line of the log."""
        return read_metrics(self.metrics_file)

    def validation_losses(self) -> dict[int, float]:
        """Return the validation losses that were measured so far, by step."""
        return {row["step"]: row["validation_loss"] for row in self.metrics() if row.get("validation_loss") is not None}

    def results(self) -> dict[str, Any]:
        """Return the results of a finished run."""
        return read_json(self.results_file)

    def recipe(self) -> Recipe:
        """Return the recipe of the run, with every field decided."""
        try:
            return Recipe.from_dict(
                tomllib.loads(self.recipe_file.read_text("utf-8", "surrogateescape")), str(self.recipe_file)
            )
        except tomllib.TOMLDecodeError as error:
            raise TrainError(f"{self.recipe_file}: is damaged ({error}); move the run folder away") from None
        except TrainError as error:
            reason = str(error).removeprefix(f"{self.recipe_file}: ")
            raise TrainError(
                f"{self.recipe_file}: cannot be used: {reason}. Take the version of llm-train that began this run, "
                "undo what was changed in the file, or move the run folder away"
            ) from None

    @property
    def newest_model(self) -> Path | None:
        """The folder of the model: of a finished run its last, of another one that of the newest checkpoint."""
        saved = [self.checkpoints_folder / folder_name(step) for step in reversed(steps_saved(self.checkpoints_folder))]
        folders = (self.model_folder, *saved)
        return next((folder for folder in folders if (folder / "config.json").is_file()), None)

    def claim(self, recipe: Recipe) -> Recipe:
        """Return the recipe to follow: the folder's own if it has one and the wanted one agrees with it.

        What the wanted recipe leaves open agrees with anything, and the number of threads may change. What killed
        processes have left half done is removed.

        Raises:
            TrainError: the folder holds a run with another recipe (the message lists the fields), or other files.
        """
        if self.recipe_file.exists():
            stored = self.recipe()
            differing = differences(recipe, stored)
            if differing:
                shown = shortened(differing, SHOWN, between="; ")
                raise TrainError(
                    f"{self.folder} holds another run: {shown}. Nothing was changed: `{self.how_to_resume}` "
                    f"{'shows its results' if self.finished else 'resumes it'}; choose another folder for this one "
                    "(in a command: --run NAME)"
                )
            self._remove_leftovers()
            return with_changeable(recipe, stored)
        wanted = _encoded(recipe)
        if self.preparing_file.exists():
            if self.preparing_file.read_bytes() != wanted:  # a process that died while it prepared something else
                self.discard_preparation()
        elif self.folder.exists() and not all(self._is_own(path) for path in self.folder.iterdir()):
            raise TrainError(
                f"{self.folder} is not empty and is not a run folder: choose another (in a command: --run NAME)"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        with atomic_write(self.preparing_file) as file:
            file.write(wanted)
        return recipe

    def resolve(self, recipe: Recipe) -> None:
        """Write the recipe with every field decided: from now on this is a run, and its files are kept."""
        with atomic_write(self.recipe_file) as file:
            file.write(_encoded(recipe))
        self.preparing_file.unlink(missing_ok=True)

    def discard_preparation(self) -> None:
        """Remove what was made for a run that never reached its first step; a run is never changed."""
        if self.recipe_file.exists() or not self.preparing_file.exists():
            return
        shutil.rmtree(self.tokens_folder, ignore_errors=True)
        self._remove_leftovers()
        for path in (self.corpus_file, self.environment_file, self.preparing_file):
            path.unlink(missing_ok=True)

    def _is_own(self, path: Path) -> bool:
        """Whether a process that died before it had begun to prepare can have left this file."""
        return path.name == LOCK or path.name.startswith(f"{self.preparing_file.name}.")

    def _remove_leftovers(self) -> None:
        """Delete the temporary files of processes that were killed; this one holds the lock, so no other is alive."""
        for folder in (self.folder, self.tokens_folder, self.samples_folder, self.model_folder):
            remove_unfinished(folder)
        remove_leftovers(self.checkpoints_folder)
        if self.recipe_file.exists():
            self.preparing_file.unlink(missing_ok=True)

    def claim_corpus(self, corpus: RunText) -> None:
        """Record which text this run is trained on, or check that it is the same.

        Raises:
            TrainError: the run was started with another text.
        """
        if self.corpus_file.exists() and (not self.preparing_file.exists() or self._same_text(corpus)):
            self._require(corpus)
            return
        shutil.rmtree(self.tokens_folder, ignore_errors=True)  # prepared from a text that has changed since
        parts = {"training": corpus.training, "held_out": corpus.held_out}
        sizes = {part: {one.printable_name: one.bytes for one in documents} for part, documents in parts.items()}
        write_json(self.corpus_file, {"fingerprint": corpus.fingerprint} | sizes)

    def require_same_text(self, recipe: Recipe) -> None:
        """Check that a finished run was trained on the text that its recipe names, if that is still there.

        Raises:
            TrainError: the text has changed since.
        """
        try:
            corpus = load_corpus(recipe.data, read_known(self.tokens_folder / "sources.json"))
        except UserError:  # it is gone, or no text any more: the results are still those of the run
            return
        self._require(corpus)

    def _same_text(self, corpus: RunText) -> bool:
        return bool(read_json(self.corpus_file).get("fingerprint") == corpus.fingerprint)

    def _require(self, corpus: RunText) -> None:
        if not self._same_text(corpus):
            changed = changes(read_known(self.tokens_folder / "sources.json"), corpus)
            what = ", ".join(changed[:3]) + ", …" * bool(changed[3:]) or "its split has changed"
            raise TrainError(
                f"{self.folder} was started with another text ({what}). "
                "Nothing was changed: choose another folder for this run (in a command: --run NAME)"
            )


def _encoded(recipe: Recipe) -> bytes:
    return recipe.to_toml().encode("utf-8", "surrogateescape")  # a path need not be UTF-8


def read_json(path: Path) -> dict[str, Any]:
    """Read a small JSON file of a run.

    Raises:
        TrainError: it is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
        reason: object = f"it is a {type(content).__name__}"
    except (OSError, ValueError) as error:
        reason = error
    raise TrainError(f"{path}: cannot be read as a JSON object ({reason}); move the run folder away")
