"""Room on the disk: looked at before a checkpoint is written, and named when there is none."""

import errno
import shutil
from pathlib import Path

from llm_tokenizer.files.writing import failed_write
from llm_train.interface import CheckpointError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
KEPT = "earlier checkpoints are unchanged, and the same command resumes the run"


def check_room(folder: Path, step: int, needed: int) -> None:
    """Refuse to begin a checkpoint that cannot be finished.

    Raises:
        CheckpointError: fewer than `needed` bytes are free.
    """
    free = shutil.disk_usage(_existing(folder)).free
    if free < needed:
        raise CheckpointError(
            f"the checkpoint of step {step} was not saved: it takes {_megabytes(needed)}, but {file_system(folder)} "
            f"has {_megabytes(free)} free; free some space there; {KEPT}"
        )


def not_saved(folder: Path, step: int, error: OSError) -> CheckpointError:
    """Return the error for a checkpoint whose writing failed."""
    where = f" ({file_system(folder)} is full)" if error.errno in NO_ROOM else ""
    return CheckpointError(f"the checkpoint of step {step} was not saved: {failed_write(folder, error)}{where}; {KEPT}")


def file_system(path: Path) -> str:
    """Return the words for the file system that holds a path: the folder where it is mounted."""
    mount = _existing(path).resolve()
    while not mount.is_mount() and mount != mount.parent:
        mount = mount.parent
    return f"the file system at {mount}"


def _existing(path: Path) -> Path:
    """Return the path, or of one that is not there yet the nearest folder above it that is."""
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
