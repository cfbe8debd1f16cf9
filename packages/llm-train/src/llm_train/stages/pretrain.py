"""All stages of a run: text, tokenizer, tokens, model, training, validation, and what is written at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_tokenizer.files.writing import failed_write, write_json
from llm_train.backends.threads import worker_count, worker_threads
from llm_train.checkpoints.room import NO_ROOM, file_system
from llm_train.interface import Tracker, TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.runs.environment import environment
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StoppedNow, StopRequest
from llm_train.runs.lock import locked
from llm_train.runs.logs import Logs
from llm_train.runs.progress import Reporter
from llm_train.runs.trackers import Guarded, named_trackers
from llm_train.stages.finish import finish
from llm_train.stages.fit import require_memory
from llm_train.stages.prepare import prepare, resolved
from llm_train.stages.training_run import TrainingRun


def train(
    recipe: Recipe, folder: str | Path, reporter: Reporter | None = None, trackers: Sequence[Tracker] = ()
) -> dict[str, Any]:
    """Train a model by a recipe in a run folder, from the start or from where it was stopped; return the results.

    The same call resumes a stopped run, and returns the results of a finished one.

    Args:
        recipe: all settings.
        folder: of the run; made if it is not there.
        reporter: prints what happens.
        trackers: get every measurement, beside the run's own logs and the trackers that the recipe names.

    Raises:
        TrainError: the recipe, the corpus or the folder is not what it must be; nothing was overwritten.
        Interrupted: the run was asked to stop; what was done is saved.
    """
    reporter = reporter or Reporter()
    run = Run(folder)
    try:
        with StopRequest() as stop, locked(run.folder):
            recipe = run.claim(recipe)
            if run.finished:
                run.require_same_text(recipe)
                reporter.say(f"{run.folder} is already finished")
                return run.results()
            return _train(recipe, run, reporter, stop, trackers)
    except StoppedNow:
        where = "between two steps" if run.recipe_file.exists() else "during the preparation"
        raise Interrupted(f"stopped {where}; everything that was finished is saved") from None
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise TrainError(
            f"{failed_write(error.filename or run.folder, error)} ({file_system(run.folder)} is full); what was "
            "saved before is kept, and the same command goes on"
        ) from None


def _train(
    recipe: Recipe, run: Run, reporter: Reporter, stop: StopRequest, trackers: Sequence[Tracker]
) -> dict[str, Any]:
    if recipe.compute.threads is None:
        recipe = recipe.with_values(threads=worker_count(recipe.training.batch))
    with worker_threads(recipe.compute.threads or 1) as workers:
        try:
            require_memory(recipe)
            named = named_trackers(recipe.report.trackers, run.folder)
            guarded = [Guarded(tracker, reporter.say) for tracker in (*trackers, *named)]
            write_json(run.environment_file, environment())
            prepared = prepare(recipe, run, reporter)
            training_run = TrainingRun(resolved(recipe, prepared), run, prepared, reporter, workers)
        except Exception:  # a mistake; who only stopped will go on
            run.discard_preparation()
            raise
        with Logs(run, training_run.recipe, training_run.start, guarded) as logs:
            training_run.train(logs, stop)
            return finish(training_run, logs)
