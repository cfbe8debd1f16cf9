"""A run folder: everything that a training leaves behind, and how to find it again.

runs/shakespeare/
recipe.toml       every decision, resolved          environment.json  machine and versions
corpus.json       which text it was                 tokens/           ids, memory-mapped
metrics.jsonl     what was measured                 loss.svg, .png    the same, drawn
samples/          texts along the way               checkpoints/      to go on from
model/            Hugging Face layout               figures.json      written last: the run is finished
"""

import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from llm_train.corpus import Corpus
from llm_train.interface import TrainError
from llm_train.metrics import read_metrics
from llm_train.recipe import Recipe

RUNS = "runs"


class Run:
    """One run folder. Making the object touches nothing on disk."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.recipe_file = self.folder / "recipe.toml"
        self.corpus_file = self.folder / "corpus.json"
        self.metrics_file = self.folder / "metrics.jsonl"
        self.figures_file = self.folder / "figures.json"
        self.environment_file = self.folder / "environment.json"
        self.tokens_folder = self.folder / "tokens"
        self.samples_folder = self.folder / "samples"
        self.checkpoints_folder = self.folder / "checkpoints"
        self.model_folder = self.folder / "model"
        self.preparing_file = self.folder / ".preparing"

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """Give the run in a folder.

        Raises:
            TrainError: there is none.
        """
        run = cls(folder)
        if not run.recipe_file.is_file():
            raise TrainError(f"{run.folder}: is no run folder, it has no recipe.toml; `llm-train run` makes one")
        return run

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.figures_file.is_file()

    def metrics(self) -> Iterator[dict[str, Any]]:
        """What was measured, line by line."""
        return read_metrics(self.metrics_file)

    def figures(self) -> dict[str, Any]:
        """The figures of a finished run."""
        content: dict[str, Any] = json.loads(self.figures_file.read_text(encoding="utf-8"))
        return content

    def recipe(self) -> Recipe:
        """The resolved recipe of the run."""
        try:
            return Recipe.from_dict(tomllib.loads(self.recipe_file.read_text(encoding="utf-8")), str(self.recipe_file))
        except tomllib.TOMLDecodeError as error:
            raise TrainError(f"{self.recipe_file}: is damaged ({error}); move the run folder away") from None

    def claim(self, recipe: Recipe) -> Recipe:
        """Give the recipe to work by: the folder's own if it has one and the wanted one agrees with it.

        What the wanted recipe leaves undecided agrees with whatever was decided.

        Raises:
            TrainError: another recipe stands here (the message lists the fields), or files that are no run.
        """
        if self.recipe_file.exists():
            stored = self.recipe()
            differing = differences(recipe, stored)
            if differing:
                raise TrainError(
                    f"{self.folder} holds another run: {'; '.join(differing)}. "
                    "Nothing was changed: give this run a folder of its own with --run NAME"
                )
            return stored
        if self.preparing_file.exists():
            self.discard_preparation()  # of a process that died before its first step
        elif self.folder.exists() and any(path.name != "lock" for path in self.folder.iterdir()):
            raise TrainError(f"{self.folder} is not empty and is no run folder: choose another with --run NAME")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.preparing_file.touch()
        return recipe

    def resolve(self, recipe: Recipe) -> None:
        """Write the resolved recipe: from now on this is a run, and what is in it is kept."""
        write_whole(self.recipe_file, recipe.to_toml())
        self.preparing_file.unlink(missing_ok=True)

    def discard_preparation(self) -> None:
        """Remove what was made for a run that never came to its first step; a run is never touched."""
        if not self.preparing_file.exists():
            return
        shutil.rmtree(self.tokens_folder, ignore_errors=True)
        for path in (self.corpus_file, self.environment_file, self.preparing_file):
            path.unlink(missing_ok=True)

    def claim_corpus(self, corpus: Corpus) -> None:
        """Write down which text this run learns from, or check that it is the same.

        Raises:
            TrainError: the run was begun with another text.
        """
        if self.corpus_file.exists():
            stored = json.loads(self.corpus_file.read_text(encoding="utf-8"))
            if stored["fingerprint"] != corpus.fingerprint:
                raise TrainError(
                    f"{self.folder} was begun with another text (data.corpus has changed since). "
                    "Nothing was changed: give this run a folder of its own with --run NAME"
                )
            return
        write_whole(self.corpus_file, json.dumps({
            "fingerprint": corpus.fingerprint,
            "training": {document.name: len(document.text.encode()) for document in corpus.training},
            "held_out": {document.name: len(document.text.encode()) for document in corpus.held_out},
        }, indent=2, ensure_ascii=False))  # fmt: skip

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the folder for this process.

        The lock belongs to the open file, not to its existence: when a process dies, however it dies, the system
        releases it, so there are no stale locks to clear away.

        Raises:
            TrainError: another process is working in the folder.
        """
        existed = self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a+") as file:
            if not _take(file.fileno()):
                file.seek(0)
                raise TrainError(
                    f"{self.folder} is in use by another process ({file.read().strip()}): wait for it, "
                    "or give this run a folder of its own with --run NAME"
                )
            file.truncate(0)
            file.write(f"process {os.getpid()}")
            file.flush()
            try:
                yield
            finally:
                # The file stays: deleting it would let a third process lock a new one beside a second's old one.
                # Only a folder that this process made and left empty goes away whole.
                if not existed and [path.name for path in self.folder.iterdir()] == ["lock"]:
                    (self.folder / "lock").unlink()
                    self.folder.rmdir()


def newest_run(root: str | os.PathLike[str] = RUNS) -> Run:
    """Give the run under `root` whose model was written last.

    Raises:
        TrainError: no run there has a model yet.
    """
    found = [Run(path.parent) for path in Path(root).glob("*/recipe.toml")]
    trained = [run for run in found if (run.model_folder / "config.json").is_file()]
    if not trained:
        raise TrainError(f"there is no trained model in {Path(root)}: `llm-train run` makes one")
    return max(trained, key=lambda run: (run.model_folder / "config.json").stat().st_mtime)


def differences(wanted: Recipe, stored: Recipe) -> list[str]:
    """Say which fields differ, as `model.layers is 4 there, 6 wanted`."""
    found = [] if wanted.name == stored.name else [f"its recipe is {stored.name!r}, {wanted.name!r} wanted"]
    for section, table in wanted.to_dict().items():
        for key, value in table.items():
            other = getattr(getattr(stored, section), key)
            if value not in (None, "auto", other):
                found.append(f"{section}.{key} is {other!r} there, {value!r} wanted")
    return found


def write_whole(path: Path, text: str) -> None:
    """Write a small file by a rename, so that nobody ever reads half of it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a small JSON file, whole or not at all."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _take(descriptor: int) -> bool:
    """Lock an open file without waiting; say whether that worked."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
