"""Whole runs on several processes: their checkpoints go on elsewhere, and a process that is killed loses nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from layouts import LARGEST, torchrun
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))  # its small run, and how it waits and compares
from killed_runs import SILENT, differing_files, last_step
from small_run import RECIPE, corpus

SETTINGS = [
    "batch=2", "steps=12", "checkpoints=2", "validations=2", "vocab_size=300", "threads=1", "keep=3", "dropout=0.1",
    "first_length=8", "length_multiple=8",
]  # fmt: skip
FIRST = 4
"""The step of the first checkpoint."""


@dataclass(frozen=True)
class Processes:
    """Who trains."""

    count: int
    parallel: str = "ddp"
    checkpoint: str = "whole"

    @property
    def words(self) -> str:
        """For people."""
        names = {"ddp": "DDP", "fsdp": "FSDP2"}
        parts = ", checkpoints in parts" * (self.checkpoint == "parts")
        return "one process" if self.count == 1 else f"{self.count} processes, {names[self.parallel]}{parts}"


ONE, TWO, FOUR = Processes(1), Processes(2), Processes(4)
TWO_SPLIT, FOUR_SPLIT = Processes(2, "fsdp"), Processes(4, "fsdp")
IN_PARTS = Processes(2, "fsdp", "parts")
PASSES = {
    2: [(ONE, TWO_SPLIT), (TWO, ONE), (TWO_SPLIT, TWO), (IN_PARTS, ONE), (IN_PARTS, TWO)],
    4: [(ONE, TWO), (ONE, FOUR), (TWO, FOUR_SPLIT), (TWO, ONE), (FOUR_SPLIT, ONE), (FOUR_SPLIT, TWO_SPLIT)],
}
"""Passes of an update, and who writes and who goes on: of four, two processes make two each, one makes all."""


class Runs:
    """A folder of runs of one recipe and one text."""

    def __init__(self, space: Path, passes: int = 2, settings: Sequence[str] = ()) -> None:
        space.mkdir(parents=True, exist_ok=True)
        self.space, self.passes, self.settings = space, passes, settings
        (space / "play.txt").write_text(corpus(speeches=150), encoding="utf-8")
        (space / "small.toml").write_text(RECIPE, encoding="utf-8")

    def command(self, name: str, who: Processes, *options: str) -> list[str]:
        """Return the words that start or resume a run."""
        words = ["run", "--recipe", str(self.space / "small.toml"), "--corpus", str(self.space / "play.txt")]
        chosen = [*SETTINGS, *self.settings, f"processes={self.passes}", f"parallel={who.parallel}"]
        chosen.append(f"checkpoint_format={who.checkpoint}")
        words += [part for setting in chosen for part in ("--set", setting)]
        start = [sys.executable] if who.count == 1 else torchrun(who.count, *options)
        dashes = [] if who.count == 1 else ["--"]
        return [*start, "-m", "llm_train", *dashes, *words, "--runs", str(self.space), "--run", name]

    def run(self, name: str, who: Processes) -> Path:
        """Start or resume a run and wait for its end."""
        done = subprocess.run(self.command(name, who), **SILENT)
        if done.returncode:
            raise AssertionError(f"{name} failed on {who.words}: {done.stderr.decode()}")
        return self.space / name

    def go_on(self, written: Path, name: str, who: Processes) -> Path:
        """Copy a run as it was at its first checkpoint, and let others train it to its end."""
        folder = self.space / name
        shutil.copytree(written, folder)
        for path in [*folder.glob("checkpoints/step-*"), folder / "results.json", folder / "model"]:
            if path.name != f"step-{FIRST:08d}":
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return self.run(name, who)


def largest_difference(one: Path, other: Path) -> float:
    """Return the largest difference between the weights of two finished runs."""
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (one, other)]
    return max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[1])


@dataclass(frozen=True)
class Resumed:
    """A run that others have finished."""

    passes: int
    writer: Processes
    reader: Processes
    largest: float
    """The largest difference between its end weights and those of one process that does all."""

    @property
    def reason(self) -> str:
        """Why the weights need not be equal."""
        return "four passes, added in another order" if self.passes > 2 else ""

    @property
    def well(self) -> bool:
        """Whether it is as promised."""
        return self.largest <= (LARGEST["float32"] if self.reason else 0.0)


def resumed(space: Path) -> Iterator[Resumed]:
    """Let each reader finish what a writer has begun."""
    for passes, pairs in PASSES.items():
        runs = Runs(space / f"{passes}-passes", passes)
        written = {ONE: runs.run("alone", ONE)}
        for number, (writer, reader) in enumerate(pairs):
            if writer not in written:
                written[writer] = runs.run(f"written-{number}", writer)
            ended = runs.go_on(written[writer], f"resumed-{number}", reader)
            yield Resumed(passes, writer, reader, largest_difference(ended, written[ONE]))


def killed(runs: Runs, who: Processes) -> tuple[int, list[str]]:
    """Kill the last process of a run, which torchrun starts again; return the step, and the files that then differ."""
    undisturbed = runs.run(f"undisturbed-{who.parallel}", who)
    command = runs.command(f"killed-{who.parallel}", who, "--max-restarts", "3")
    with subprocess.Popen(command, **SILENT) as launcher:
        folder = runs.space / f"killed-{who.parallel}"
        deadline = time.monotonic() + 120
        while last_step(folder) < FIRST + 1 and launcher.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        step = last_step(folder)
        os.kill(max(children(launcher.pid)), signal.SIGKILL)
        errors = launcher.communicate()[1].decode()
    if launcher.returncode:
        raise AssertionError(f"it was not finished after the restart: {errors}")
    return step, differing_files(folder, undisturbed)


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(path.parent.name))
    return found
