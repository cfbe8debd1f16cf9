"""A run folder: everything that a training run leaves, and how to find it again.

runs/shakespeare/
recipe.toml       all settings                      environment.json  machine and versions
corpus.json       the documents of the text         tokens/           token ids, memory-mapped
metrics.jsonl     the measurements                  loss.svg, .png    the loss curve
samples/          texts written along the way       checkpoints/      to resume from
model/            Hugging Face layout               results.json      written last: the run is finished
"""

import json
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from llm_tokenizer.commands.wording import suggest
from llm_tokenizer.files.writing import atomic_write, remove_unfinished, write_json
from llm_tokenizer.interface import UserError
from llm_train.data.corpus import RunText, changes, load_corpus, read_known
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.runs.lock import LOCK
from llm_train.runs.metrics import read_metrics

RUNS = "runs"


class Run:
    """One run folder. Making the object changes nothing on disk."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.recipe_file = self.folder / "recipe.toml"
        self.corpus_file = self.folder / "corpus.json"
        self.metrics_file = self.folder / "metrics.jsonl"
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

    def metrics(self) -> Iterator[dict[str, Any]]:
        """Yield the measurements, one row per line of the log."""
        return read_metrics(self.metrics_file)

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

    def claim(self, recipe: Recipe) -> Recipe:
        """Return the recipe to follow: the folder's own if it has one and the wanted one agrees with it.

        What the wanted recipe leaves open agrees with anything.

        Raises:
            TrainError: the folder holds a run with another recipe (the message lists the fields), or other files.
        """
        if self.recipe_file.exists():
            stored = self.recipe()
            differing = differences(recipe, stored)
            if differing:
                raise TrainError(
                    f"{self.folder} holds another run: {'; '.join(differing)}. "
                    "Nothing was changed: choose another folder for this run (in a command: --run NAME)"
                )
            return stored
        if self.preparing_file.exists():
            self.discard_preparation()  # of a process that died before its first step
        elif self.folder.exists() and any(path.name != LOCK for path in self.folder.iterdir()):
            raise TrainError(
                f"{self.folder} is not empty and is not a run folder: choose another (in a command: --run NAME)"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.preparing_file.touch()
        return recipe

    def resolve(self, recipe: Recipe) -> None:
        """Write the recipe with every field decided: from now on this is a run, and its files are kept."""
        with atomic_write(self.recipe_file) as file:
            file.write(recipe.to_toml().encode("utf-8", "surrogateescape"))  # a path need not be UTF-8
        self.preparing_file.unlink(missing_ok=True)

    def discard_preparation(self) -> None:
        """Remove what was made for a run that never reached its first step; a run is never changed."""
        if not self.preparing_file.exists():
            return
        shutil.rmtree(self.tokens_folder, ignore_errors=True)
        remove_unfinished(self.folder)
        for path in (self.corpus_file, self.environment_file, self.preparing_file):
            path.unlink(missing_ok=True)

    def claim_corpus(self, corpus: RunText) -> None:
        """Record which text this run is trained on, or check that it is the same.

        Raises:
            TrainError: the run was started with another text.
        """
        if self.corpus_file.exists():
            self._require(corpus)
            return
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

    def _require(self, corpus: RunText) -> None:
        if read_json(self.corpus_file).get("fingerprint") != corpus.fingerprint:
            changed = changes(read_known(self.tokens_folder / "sources.json"), corpus)
            what = ", ".join(changed[:3]) + ", …" * bool(changed[3:]) or "its split has changed"
            raise TrainError(
                f"{self.folder} was started with another text ({what}). "
                "Nothing was changed: choose another folder for this run (in a command: --run NAME)"
            )


def find_run(run: str | os.PathLike[str] | None = None, runs: str | os.PathLike[str] = RUNS) -> Run:
    """Return a run by its name under `runs`, by its folder, or without either the one whose model was written last.

    Raises:
        TrainError: there is no such run, or no run with a model; the message names the nearest.
    """
    found = {path.parent.name: Run(path.parent) for path in Path(runs).glob("*/recipe.toml")}
    if run is not None:
        if os.fspath(run) in found:
            return found[os.fspath(run)]
        if os.fspath(run) and Path(run).is_dir():
            return Run.open(run)
        there = sorted(found)
        names = ", ".join(there[:5]) + (" …" if there[5:] else "")
        advice = f"there are: {names}" if there else "`llm-train run` makes one"
        raise TrainError(f"there is no run '{run}' under '{runs}'{suggest(os.fspath(run), found)}; {advice}")
    trained = [one for one in found.values() if (one.model_folder / "config.json").is_file()]
    if not trained:
        raise TrainError(
            f"there is no trained model under '{runs}': make one with `llm-train run` (in a checkout: `nox -s train`)"
        )
    return max(trained, key=lambda one: (one.model_folder / "config.json").stat().st_mtime)


def differences(wanted: Recipe, stored: Recipe) -> list[str]:
    """List the fields that differ, as `model.layers is 4 there, 6 wanted`."""
    found = [] if wanted.name == stored.name else [f"its recipe is {stored.name!r}, {wanted.name!r} wanted"]
    for section, table in wanted.to_dict().items():
        for key, value in table.items():
            other = getattr(getattr(stored, section), key)
            if value not in (None, "auto", other):
                found.append(f"{section}.{key} is {other!r} there, {value!r} wanted")
    return found


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
