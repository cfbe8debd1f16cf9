"""Files of parts in a recipe, each with its hash: `my_layers.py@0123456789abcdef`.

So a run folder records with what it was trained, and a resumed run refuses a file that has changed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe

SEPARATOR = "@"
DIGITS = 16


def pinned(recipe: Recipe) -> Recipe:
    """Return the recipe with the hash of each of its files; such a run is not compiled unless that is asked for.

    A compiler would have to follow whatever is written in them.

    Raises:
        TrainError: a file is not there, or is no longer what its hash says.
    """
    parts = tuple(f"{name}{SEPARATOR}{file_hash(name)}" for name in files_of(recipe.compute.parts))
    if not parts:
        return recipe
    return recipe.with_values(parts=parts, compile="no" if recipe.compute.compile == "auto" else recipe.compute.compile)


def files_of(entries: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the files, and refuse one that has changed.

    Raises:
        TrainError: one is not there, or is no longer what its hash says.
    """
    pairs = [entry.partition(SEPARATOR)[::2] for entry in entries]
    names = tuple(name for name, _ in pairs)
    for name, wanted in pairs:
        found = file_hash(name)
        if wanted not in ("", found):
            raise TrainError(
                f"{name}: has changed since the run of this recipe began (its hash was {wanted}, now it is {found}): "
                f"undo the change, or train with the file as it is now in another folder: give --parts "
                f"{','.join(names)} again, and --run NAME"
            )
    return names


def file_hash(name: str) -> str:
    """Return the first digits of the SHA-256 of a Python file.

    Raises:
        TrainError: there is no such file.
    """
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        raise TrainError(f"parts: {name!r} must be a Python file (.py) that is there; several are joined by commas")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
