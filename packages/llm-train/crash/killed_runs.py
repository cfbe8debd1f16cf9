"""Kill whole runs at random moments, start the same command again, and compare with a run that nobody disturbed."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOGGED = "metrics.jsonl"
SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}


@dataclass(frozen=True)
class Kill:
    """One kill: when it came, and how far the run was."""

    seconds: float
    step: int
    """The last step in the log; 0 in the preparation."""


def killed_runs(
    command: list[str], folder: Path, *, kills: int, seconds: float, seed: int, number: signal.Signals = signal.SIGKILL
) -> Iterator[Kill]:
    """Start a command again and again, and kill it at random moments, until it was killed so often; then let it finish.

    Args:
        command: the same one each time.
        folder: of the run.
        kills: how many.
        seconds: that an undisturbed run takes: each kill has an equal share of them, in which its moment is drawn.
        seed: of the moments.
        number: the signal.

    Yields:
        Each kill after which the process is gone.
    """
    draw = random.Random(seed)
    shares = list(range(kills))
    draw.shuffle(shares)
    for share in shares:
        while True:
            moment, began = (share + draw.random()) / kills * seconds, time.monotonic()
            with subprocess.Popen(command, **SILENT) as process:
                try:
                    process.wait(moment)
                except subprocess.TimeoutExpired:
                    process.send_signal(number)
                errors = process.communicate()[1].decode()
            if process.returncode in (-number, 130):
                break
            if process.returncode != 0:
                raise AssertionError(f"{command} failed: {errors}")
            # It was finished before the moment came: the machine is less busy than when the time was taken.
            seconds = min(seconds, time.monotonic() - began)
            shutil.rmtree(folder)
        yield Kill(moment, last_step(folder))
    run_through(command)


def run_through(command: list[str]) -> float:
    """Run a command to its end, and return the seconds that it took."""
    started = time.perf_counter()
    done = subprocess.run(command, **SILENT)
    if done.returncode:
        raise AssertionError(f"{command} failed: {done.stderr.decode()}")
    return time.perf_counter() - started


def last_step(folder: Path) -> int:
    """Return the last step whose loss is in the log."""
    log = folder / LOGGED
    return log.read_bytes().count(b'"loss"') if log.exists() else 0


def wait_for_step(process: subprocess.Popen[str], folder: Path, step: int) -> None:
    """Wait until so many steps are in the log; the process must still be at work."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if last_step(folder) >= step:
            return
        if process.poll() is not None:
            raise AssertionError(process.stderr.read() if process.stderr else "it ended")
        time.sleep(0.01)
    raise AssertionError("no steps came")


def outcome(folder: Path) -> dict[str, bytes]:
    """Return every file that must be equal, byte for byte: weights, optimizer state, metrics, samples."""
    last = max((folder / "checkpoints").glob("step-*"))
    paths = [folder / LOGGED, *last.glob("*.safetensors")]
    paths += [*(folder / "model").iterdir(), *(folder / "samples").iterdir()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def differing_files(one: Path, other: Path) -> list[str]:
    """Return the files in which two runs differ."""
    first, second = outcome(one), outcome(other)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def python_command(*words: str) -> list[str]:
    """Return the words of `llm-train` in this environment."""
    return [sys.executable, "-m", "llm_train", *words]
