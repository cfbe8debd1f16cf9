"""Which model folder is meant: one named on the command line, a run's, or the newest run's."""

from pathlib import Path

from llm_generate.interface import GenerateError
from llm_train.interface import TrainError
from llm_train.runs.folder import Run, newest_run

HOW_TO_MAKE_ONE = "make one with `nox -s train` or `llm-train run`, or name a model folder with --model"


def find_model_folder(*, model: str | None, run: str | None, runs: str) -> Path:
    """The folder to load.

    Args:
        model: A model folder; wins over the rest.
        run: The name of a run in the folder `runs`.
        runs: Where runs are; without `model` and `run` the one whose model was written last is taken.

    Raises:
        GenerateError: There is no run with a model, or `model` is a GGUF file; the message says what to do.
        TrainError: There is no run of that name.
    """
    if model is not None:
        return _checked(Path(model))
    if run is not None:
        return Run.open(Path(runs) / run).model_folder
    try:
        return newest_run(runs).model_folder
    except TrainError:
        raise GenerateError(f"there is no trained model under '{runs}': {HOW_TO_MAKE_ONE}.") from None


def _checked(folder: Path) -> Path:
    """The folder itself; a GGUF file could be loaded too, but a text needs what stands beside the weights."""
    if folder.is_file() and folder.suffix == ".gguf":
        raise GenerateError(
            f"'{folder}' must be a model folder, and is a GGUF file: make one of it with "
            f"`llm-layers convert {folder} FOLDER`."
        )
    return folder
