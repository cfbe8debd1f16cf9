"""Die at each file operation of a save, one after another, and look at what is left.

Nothing is replaced by a double: the profiler of Python reports each call of a C function before it happens, so a child
process can count the calls that reach the file system and kill itself at the k-th.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {"open", "write", "flush", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "truncate", "close"}


def file_operations(
    space: Path, begin: Callable[[Path], object], act: Callable[[Path], object]
) -> Iterator[tuple[str, Path]]:
    """Yield, for every file operation of `act`, its words and a folder in which a process was killed just before it.

    Args:
        space: an empty folder to work in.
        begin: makes what is there before.
        act: what is killed.
    """
    template = space / "before"
    template.mkdir()
    begin(template)
    for number in range(1, 10_000):
        folder = space / f"killed-{number}"
        shutil.copytree(template, folder)
        name = _killed_at(number, lambda folder=folder: act(folder))
        if name is None:
            return
        yield f"operation {number}, {name}", folder
        shutil.rmtree(folder)
    raise AssertionError("it never ended")


def _killed_at(number: int, act: Callable[[], object]) -> str | None:
    """Run `act` in a child that is killed before its n-th operation; return the operation, None if there are fewer."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _die_at(number, writer)
            act()
            status = 0
        finally:
            sys.setprofile(None)
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        name = told.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return name
    assert status == 0, "the save failed by itself"
    return None


def _die_at(number: int, writer: int) -> None:
    calls = 0

    def watch(frame: Any, event: str, called: Any) -> None:
        nonlocal calls
        if event == "c_call" and called.__name__ in OPERATIONS:
            calls += 1
            if calls == number:
                sys.setprofile(None)
                os.write(writer, called.__name__.encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
