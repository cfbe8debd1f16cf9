"""What verbs that look at a text have in common: where the text comes from, and where a picture goes."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from llm_layers.config import ModelConfig
from llm_layers.inspection.text import checked_ids, ids_of, label_of_id, labels_of, tokenizer_of
from llm_layers.interface import LayersError


def add_text_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Say that a text is wanted: as text, or as ids."""
    source = parser.add_mutually_exclusive_group(required=required)
    source.add_argument("--text", help="a text, cut by the model's own tokenizer")
    source.add_argument("--ids", type=ids_from, help="token ids instead of a text: 5,17,3")


def read_text(options: argparse.Namespace, folder: str, config: ModelConfig) -> tuple[Tensor, list[str]]:
    """Give ids and a label for each."""
    if options.text is not None:
        return ids_of(options.text, folder, config)
    try:
        tokenizer = tokenizer_of(folder)  # labels are a kindness: ids do without
    except LayersError:
        tokenizer = None
    ids = checked_ids(options.ids, config)
    return ids, labels_of(options.ids, tokenizer)


def namer(folder: str) -> Callable[[int], str]:
    """Give a function from an id to its label."""
    try:
        tokenizer = tokenizer_of(folder)
    except LayersError:
        return str
    return lambda id: label_of_id(id, tokenizer)


def check_two(labels: list[str]) -> None:
    """Refuse a text that is too short for a loss, before any work is done."""
    if len(labels) < 2:
        raise LayersError(
            f"the text must have at least 2 tokens, so that there is one to predict, but has {len(labels)}: "
            "give a longer one"
        )


def check_out(file: Path | None, *endings: str) -> None:
    """Refuse a file that could not be written, or in a form that is not known, before any work is done."""
    if file is None:
        return
    if file.suffix not in endings:
        known = " or ".join([", ".join(endings[:-1]), endings[-1]]) if len(endings) > 1 else endings[0]
        raise LayersError(f"--out must end in {known}, but was '{file}'")
    check_place(file)


def check_place(file: Path) -> None:
    """Refuse a file whose folder is missing or cannot be written to."""
    if file.is_dir():
        raise LayersError(f"'{file}' cannot be written: it is a folder; give the name of a file")
    if not file.parent.exists():
        raise LayersError(
            f"'{file}' cannot be written: there is no folder '{file.parent}'; make it, or give another place"
        )
    _check_above(file, file.absolute().parent)


def check_folder(folder: Path) -> None:
    """Refuse a model folder that cannot be written to; it is made later, with those above that are missing."""
    _check_above(folder, next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists()))


def _check_above(file: Path, above: Path) -> None:
    if not above.is_dir() or not os.access(above, os.W_OK):
        reason = "must not be written to" if above.is_dir() else "is no folder"
        raise LayersError(f"'{file}' cannot be written: '{above}' {reason}; give another place")


def written(text: str, file: Path) -> str:
    """Write a picture or a page, and say so."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LayersError(f"'{file}' cannot be written: {error.strerror or error}") from None
    return f"written: {file}"


def ids_from(text: str) -> list[int]:
    """Read "5,17,3"."""
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"must be whole numbers with commas between, as 5,17,3, but was {text!r}")
    return [int(part) for part in parts]


def whole(text: str) -> int:
    """Read a whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, but was {text!r}")
    return int(text)
