"""Which model folder is meant: one that is named, a run's, or the newest run's."""

from pathlib import Path

from llm_generate.interface import GenerateError
from llm_train import find_run


def find_model_folder(*, model: str | None, run: str | None, runs: str) -> Path:
    """Return the folder to load.

    Args:
        model: A model folder; wins over the rest.
        run: A run, by its name in `runs` or by its folder.
        runs: Where runs are; without `model` and `run` the one whose model was written last is taken.

    Raises:
        GenerateError: `model` is a GGUF file, which lacks what a text needs besides the weights.
        TrainError: There is no such run, or none with a model.
    """
    if model is None:
        return find_run(run, runs).model_folder
    folder = Path(model)
    if folder.is_file() and folder.suffix == ".gguf":
        raise GenerateError(
            f"'{folder}' must be a model folder, and is a GGUF file: convert it with "
            f"`llm-layers convert {folder} FOLDER`."
        )
    return folder
