"""The one place where a measurement goes to everything that keeps it: the two logs and the trackers."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from llm_train.interface import Tracker
from llm_train.recipes.recipe import Recipe
from llm_train.runs.folder import Run
from llm_train.runs.metrics import RowLog


class Logs:
    """What a run measures; used in a `with` block."""

    def __init__(self, run: Run, recipe: Recipe, after_step: int, trackers: Sequence[Tracker] = ()) -> None:
        """Open the logs, cut back to the step at which the run resumes, and tell the trackers that it begins.

        Raises:
            TrainError: a log is damaged, or cannot be written.
        """
        self.trackers = trackers
        with ExitStack() as stack:
            self.metrics = stack.enter_context(RowLog(run.metrics_file, after_step))
            self.timings = stack.enter_context(RowLog(run.timings_file, after_step))
            for tracker in trackers:
                tracker.start(recipe.to_dict())
            self._files = stack.pop_all()

    def log(self, step: int, metrics: Mapping[str, Any], timings: Mapping[str, Any] | None = None) -> None:
        """Keep what was measured after a step: what follows from the state alone, and what depends on the machine."""
        self.metrics.write(step, metrics)
        if timings is not None:
            self.timings.write(step, timings)
        for tracker in self.trackers:
            tracker.log(step, {**metrics, **(timings or {})})

    def sync(self) -> None:
        """Wait until both logs are on the disk."""
        self.metrics.sync()
        self.timings.sync()

    def finish(self, results: Mapping[str, Any]) -> None:
        """Pass the results on to the trackers."""
        for tracker in self.trackers:
            tracker.finish(results)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()


class NoLogs(Logs):
    """What a process that is not the first measures: the first one measures the same, and keeps it."""

    def __init__(self) -> None:
        self.trackers = ()
        self._files = ExitStack()

    def log(self, step: int, metrics: Mapping[str, Any], timings: Mapping[str, Any] | None = None) -> None:
        """Keep nothing."""

    def sync(self) -> None:
        """Wait for nothing."""
