"""All stages of a run: text, tokenizer, tokens, model, training, validation, and what is written at the end."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from llm_tokenizer import Tokenizer
from llm_tokenizer.files.writing import failed_write, write_json
from llm_train.backends.threads import worker_count, worker_threads
from llm_train.checkpoints.room import NO_ROOM, file_system
from llm_train.interface import EndedElsewhereError, NonFiniteError, Tracker, TrainError
from llm_train.place import Place, find_place
from llm_train.recipes.recipe import Recipe
from llm_train.runs.environment import environment
from llm_train.runs.folder import Run
from llm_train.runs.interruption import Interrupted, StoppedNow, StopRequest
from llm_train.runs.lock import locked
from llm_train.runs.logs import Logs, NoLogs
from llm_train.runs.progress import Reporter
from llm_train.runs.trackers import Guarded, named_trackers
from llm_train.stages.build import passes_here
from llm_train.stages.finish import finish
from llm_train.stages.fit import require_memory
from llm_train.stages.prepare import prepare, resolved
from llm_train.stages.training_run import TrainingRun


def train(
    recipe: Recipe,
    folder: str | Path,
    reporter: Reporter | None = None,
    trackers: Sequence[Tracker] = (),
    place: Place | None = None,
    tokenizer: Tokenizer | None = None,
) -> dict[str, Any]:
    """Train a model by a recipe in a run folder, from the start or from where it was stopped; return the results.

    The same call resumes a stopped run, and returns the results of a finished one. Several processes that `torchrun`
    has started share the work; all of them must see the folder.

    Args:
        recipe: all settings.
        folder: of the run; made if it is not there.
        reporter: prints what happens.
        trackers: get every measurement, beside the run's own logs and the trackers that the recipe names.
        place: of this process among all that train together; without it, it is found.
        tokenizer: one of your own in place of the recipe's, also to go on with the run; any `Tokenizer` will do.

    Raises:
        TrainError: the recipe, the corpus or the folder is not what it must be; nothing was overwritten.
        Interrupted: the run was asked to stop; what was done is saved.
    """
    run = Run(folder)
    if place is None:
        with find_place(wanted_device(recipe, run)) as place, place.silence():
            return train(recipe, folder, reporter, trackers, place, tokenizer)
    reporter = reporter or Reporter()
    try:
        with StopRequest() as stop, ExitStack() as held:
            recipe = _claimed(recipe, run, place, held)
            if place.once(lambda: run.finished):
                place.once(lambda: run.require_same_text(recipe))
                reporter.say(f"{run.folder} is already finished; {run.how_to_begin_anew}")
                return place.once(run.results)
            return _train(recipe, run, reporter, stop, trackers, place, tokenizer)
    except (Interrupted, NonFiniteError):
        if not place.first:  # the first one says the same
            raise EndedElsewhereError from None
        raise
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


def wanted_device(recipe: Recipe, run: Run) -> str:
    """Return the device that a recipe names, or else the one that the run was begun with."""
    if recipe.compute.device == "auto" and run.recipe_file.exists():
        return run.recipe().compute.device
    return recipe.compute.device


def _claimed(recipe: Recipe, run: Run, place: Place, held: ExitStack) -> Recipe:
    """Lock and claim the folder, and return the recipe to follow, with what this start of the run decides."""
    if place.world > 1:
        require_alone(recipe, place)

    def claim() -> dict[str, Any]:
        held.enter_context(locked(run.folder))
        claimed = run.claim(recipe)
        return {"name": claimed.name, "about": claimed.about, **claimed.to_dict()}

    recipe = Recipe.from_dict(place.once(claim), str(run.recipe_file))
    compute = recipe.compute
    if place.world > 1:
        recipe = recipe.with_values(threads=1, compile="no")
    elif compute.threads is None:
        recipe = recipe.with_values(threads=worker_count(recipe.training.batch))
    return recipe if compute.processes is not None else recipe.with_values(processes=place.world)


def require_alone(recipe: Recipe, place: Place) -> None:
    """Refuse what several processes do not do.

    Raises:
        TrainError: naming the field.
    """
    if recipe.compute.threads not in (None, 1):
        raise TrainError(
            f"compute.threads must be 1 where {place.world} processes train together, was {recipe.compute.threads}: "
            "start a process for each core (in a command: --set threads=1)"
        )
    if recipe.compute.compile == "yes":
        raise TrainError(
            f"compute.compile must be no or auto where {place.world} processes train together, was yes "
            "(in a command: --set compile=no)"
        )


def _train(
    recipe: Recipe,
    run: Run,
    reporter: Reporter,
    stop: StopRequest,
    trackers: Sequence[Tracker],
    place: Place,
    tokenizer: Tokenizer | None,
) -> dict[str, Any]:
    passes_here(recipe, place)  # refuses a number of processes that cannot share an update
    with worker_threads(recipe.compute.threads or 1) as workers:
        try:
            place.once(lambda: require_memory(recipe))
            named = named_trackers(recipe.report.trackers, run.folder)
            guarded = [Guarded(tracker, reporter.say) for tracker in (*trackers, *named)]
            place.once(lambda: write_json(run.environment_file, environment()))
            prepared = place.in_turn(lambda: prepare(recipe, run, reporter, tokenizer))
            training_run = TrainingRun(resolved(recipe, prepared), run, prepared, reporter, workers, place)
        except Exception:  # a mistake; who only stopped will go on
            if place.first:
                run.discard_preparation()
            raise
        start = training_run.start
        with Logs(run, training_run.recipe, start, guarded) if place.first else NoLogs() as logs:
            training_run.train(logs, stop)
            return finish(training_run, logs)
