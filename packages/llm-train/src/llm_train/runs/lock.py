"""One process at a time works in a run folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_train.interface import TrainError

LOCK = "lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process.

    The lock belongs to the open file, not to its existence: when a process dies, however it dies, the system
    releases it, so there are no stale locks to remove.

    Raises:
        TrainError: another process is working in the folder.
    """
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        if not _acquire(file.fileno()):
            file.seek(0)
            raise TrainError(
                f"{folder} is in use by another process ({file.read().strip()}): wait for it, "
                "or choose another folder for this run (in a command: --run NAME)"
            )
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        try:
            yield
        finally:
            # The file stays: deleting it would let a third process lock a new one beside a second's old one.
            # Only a folder that this process made and left empty is removed, if the system removes open files.
            if not existed and [path.name for path in folder.iterdir()] == [LOCK]:
                with suppress(OSError):
                    (folder / LOCK).unlink()
                    folder.rmdir()


def _acquire(descriptor: int) -> bool:
    """Lock an open file without waiting; return whether that worked."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        # The same place for every process, and far behind the text: a locked byte cannot be read.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
