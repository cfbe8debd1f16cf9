"""The first stages of a run in a folder that is thrown away: to predict the run, or to see where its time goes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llm_train.backends.threads import Workers, worker_count, worker_threads
from llm_train.interface import TrainError
from llm_train.parts.checking import require_parts
from llm_train.recipes.recipe import Recipe
from llm_train.runs.folder import Run
from llm_train.runs.progress import Reporter
from llm_train.stages.fit import require_memory
from llm_train.stages.prepare import Prepared, prepare, resolved


@dataclass(frozen=True)
class Rehearsal:
    """A run that is prepared as always, in a temporary folder."""

    recipe: Recipe
    run: Run
    prepared: Prepared
    workers: Workers


@contextmanager
def rehearsal(recipe: Recipe, folder: Path, reporter: Reporter, *, threads: int | None = None) -> Iterator[Rehearsal]:
    """Prepare a run; at the end nothing of it is left on the disk.

    Args:
        recipe: its settings.
        folder: where the real run would be; the temporary one is on the same disk.
        reporter: prints the stages.
        threads: in place of the recipe's own number.

    Raises:
        TrainError: the run would be refused, because it does not fit into memory or a function of yours is wrong.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise TrainError("a dry run and a profile are for one process: start the command without torchrun")
    require_memory(recipe)
    if recipe.compute.parts:
        for line in require_parts(recipe):
            reporter.say(line)
    wanted = threads or recipe.compute.threads or worker_count(recipe.training.batch)
    recipe = recipe.with_values(threads=wanted)
    place = next(parent for parent in folder.absolute().parents if parent.is_dir())
    with tempfile.TemporaryDirectory(prefix=".rehearsal-", dir=place) as temporary, worker_threads(wanted) as workers:
        run = Run(Path(temporary) / folder.name)
        run.folder.mkdir()
        prepared = prepare(recipe, run, reporter)
        yield Rehearsal(resolved(recipe, prepared), run, prepared, workers)
