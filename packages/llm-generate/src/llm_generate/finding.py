"""Which model folder is meant: one named on the command line, a run's, or the newest run's."""

from pathlib import Path

from llm_train.run import Run, newest_run

from llm_generate.errors import GenerateError

HOW_TO_MAKE_ONE = "make one with `nox -s train` or `llm-train run`, or name a model folder with --model"


def find_model_folder(*, model: str | None, run: str | None, runs: str) -> Path:
    """The folder to load.

    Args:
        model: A model folder; wins over the rest.
        run: The name of a run in the folder `runs`.
        runs: Where runs are; without `model` and `run` its newest finished run is taken.

    Raises:
        GenerateError: There is no such run, or no finished run at all; the message says how to make one.
    """
    if model is not None:
        return Path(model)
    if run is not None:
        return Run.open(Path(runs) / run).model_folder
    newest = newest_run(Path(runs))
    if newest is None:
        raise GenerateError(f"there is no finished run under '{runs}': {HOW_TO_MAKE_ONE}.")
    return newest.model_folder
