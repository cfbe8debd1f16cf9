"""Where the verbs write: checked before any work is done."""

import os
from pathlib import Path

from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.families import family_of
from llm_layers.formats.huggingface.registry import write_settings
from llm_layers.formats.huggingface.storage import SETTINGS
from llm_layers.inspection.picture import require_matplotlib
from llm_layers.interface import LayersError
from llm_tokenizer.files.writing import write_errors_as, write_text


def check_out(file: Path | None, *endings: str) -> None:
    """Refuse a file that could not be written, or in an unknown form."""
    if file is None:
        return
    if file.suffix.lower() not in endings:
        known = " or ".join([", ".join(endings[:-1]), endings[-1]]) if len(endings) > 1 else endings[0]
        raise LayersError(f"--out must end in {known}, but was '{file}'")
    if file.suffix.lower() in (".svg", ".png"):
        require_matplotlib()
    check_place(file)


def check_new(target: Path, *, replace: bool) -> None:
    """Refuse to overwrite a model without being told to, and to write into a folder of other things."""
    if target.is_dir() and any(target.iterdir()) and not (target / SETTINGS).is_file():
        raise LayersError(f"'{target}' is a folder with other files in it: choose another name")
    if not replace and (target.is_file() or (target.is_dir() and any(target.iterdir()))):
        raise LayersError(f"'{target}' exists: add --replace to overwrite it, or choose another name")


def check_model(config: ModelConfig, target: Path) -> None:
    """Refuse a model that could not be written to this GGUF file or folder, before a weight is read."""
    if target.suffix.lower() == ".gguf":
        check_place(target)
        family_of(config).write_config(config)
    else:
        first = next(place for place in (target.absolute(), *target.absolute().parents) if place.exists())
        _check_above(target, first)
        write_settings(config)


def check_place(file: Path) -> None:
    """Refuse a file whose folder is missing or not writable."""
    if file.is_dir():
        raise LayersError(f"'{file}' cannot be written: it is a folder; name a file in it")
    if not file.parent.exists():
        raise LayersError(
            f"'{file}' cannot be written: there is no folder '{file.parent}'; create it, or choose another place"
        )
    _check_above(file, file.absolute().parent)


def write_page(page: str, file: Path) -> None:
    """Write an HTML page."""
    with write_errors_as(LayersError, file):
        write_text(file, page)


def _check_above(file: Path, above: Path) -> None:
    if not above.is_dir() or not os.access(above, os.W_OK):
        reason = "is not writable" if above.is_dir() else "is no folder"
        raise LayersError(f"'{file}' cannot be written: '{above}' {reason}; choose another place")
