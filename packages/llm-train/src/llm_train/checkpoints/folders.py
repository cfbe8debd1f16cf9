"""The folders of checkpoints: finding, removing, and which of them are kept."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from llm_tokenizer.files.writing import sync_folder

PARTIAL, DOOMED = ".partial-", ".deleted-"


def folder_name(step: int) -> str:
    """Return the name of the folder of a step."""
    return f"step-{step:08d}"


def steps_saved(folder: Path) -> list[int]:
    """Return the steps that have a checkpoint, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name[5:]) for path in folder.glob("step-*") if path.name[5:].isdigit() and path.is_dir())


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed process had begun to write or to delete."""
    for start in (PARTIAL, DOOMED):
        for left in folder.glob(f"{start}step-*"):
            shutil.rmtree(left, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Rename a folder, then delete it, so that a crash half-way leaves no half checkpoint under its name."""
    if not folder.exists():
        return
    doomed = folder.with_name(f"{DOOMED}{folder.name}")
    folder.rename(doomed)
    sync_folder(folder.parent)
    shutil.rmtree(doomed)


def remove_old(folder: Path, *, newest: int, keep: int, every: int | None = None, also: Iterable[int] = ()) -> None:
    """Delete the checkpoints that nobody asked to keep.

    Args:
        folder: of all checkpoints.
        newest: the step that was saved last. Damaged ones of later steps, which this run has not reached again, are
            neither counted nor deleted.
        keep: how many of the newest stay.
        every: those of each multiple of so many steps stay, too.
        also: further steps that stay: the one with the best validation, for example.
    """
    steps = [step for step in steps_saved(folder) if step <= newest]
    kept = {*steps[-keep:], *also, *(step for step in steps if every and step % every == 0)}
    for step in steps:
        if step not in kept:
            remove_folder(folder / folder_name(step))
