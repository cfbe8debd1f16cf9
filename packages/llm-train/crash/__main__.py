"""Show that a training loses no work: kill it, damage it, fill its disk, and compare. `nox -s crash`; a few minutes.

Every line of the table is a number of attempts and how many of them ended as they must. The exit status is 1 if one did
not. A small part of each is in the tests of the package.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from damage import with_damage
from file_operations import file_operations
from killed_runs import differing_files, killed_runs, python_command, run_through
from rich.console import Console
from rich.table import Table
from small_run import RECIPE, corpus

from llm_layers import Decoder, ModelConfig
from llm_tokenizer import ByteTokenizer
from llm_train.checkpoints.folders import remove_old
from llm_train.checkpoints.loading import load_newest
from llm_train.checkpoints.record import Checkpoint, Layout
from llm_train.checkpoints.saving import save_checkpoint

VARIANTS = {
    "one thread, float32": ["threads=1"],
    "two threads, float32": ["threads=2"],
    "two threads, bfloat16": ["threads=2", "precision=bfloat16"],
    "two threads, bfloat16, dropout, averaged": ["threads=2", "precision=bfloat16", "dropout=0.1", "average=0.9"],
}
"""How the killed runs compute."""


@dataclass
class Line:
    """One line of the table."""

    what: str
    attempts: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    note: str = ""

    def count(self, well: bool, words: str) -> None:
        """Count an attempt."""
        self.attempts += 1
        if not well:
            self.failures.append(words)


def main() -> int:
    """Do all of it and print the table."""
    parser = argparse.ArgumentParser(prog="nox -s crash --", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="SIGKILLs at random moments (%(default)s)")
    parser.add_argument("--stops", type=int, default=8, help="SIGTERMs at random moments (%(default)s)")
    parser.add_argument("--damages", type=int, default=1000, help="flipped bits and cut files (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of moments and damages (%(default)s)")
    options = parser.parse_args()
    console, lines = Console(), list[Line]()
    with tempfile.TemporaryDirectory(prefix="crash-") as space:
        parts = [
            damages(Path(space, "damage"), options.damages, options.seed),
            operations(Path(space, "operations")),
            *kills(Path(space, "kills"), options.kills, options.stops, options.seed),
        ]
        for part in parts:
            started = time.perf_counter()
            with console.status("beginning") as status:
                for line in part:
                    status.update(f"{line.what}: {line.attempts}")
            line.seconds = time.perf_counter() - started
            lines.append(line)
    console.print(table_of(lines))
    for line in lines:
        for failure in line.failures:
            console.print(f"[bold red]{line.what}[/]: {failure}", highlight=False)
    return int(any(line.failures for line in lines))


def table_of(lines: list[Line]) -> Table:
    """Return the table."""
    table = Table(title="A training that is killed, damaged and stopped")
    for head in ("what was done", "times", "went well", "seconds", "what must hold"):
        table.add_column(head, justify="right" if head in ("times", "went well", "seconds") else "left")
    for line in lines:
        well = f"{line.attempts - len(line.failures)}"
        table.add_row(line.what, str(line.attempts), well, f"{line.seconds:.0f}", line.note)
    return table


def kills(space: Path, count: int, stops: int, seed: int) -> Iterator[Iterator[Line]]:
    """Yield a part for each way to compute, and one for stops that are asked for."""
    space.mkdir(parents=True)
    (space / "play.txt").write_text(corpus(), encoding="utf-8")
    (space / "small.toml").write_text(RECIPE, encoding="utf-8")
    for number, (words, settings) in enumerate(VARIANTS.items()):
        share = count // len(VARIANTS) + (number < count % len(VARIANTS))
        if share:
            yield _killed(space / f"kill-{number}", f"SIGKILL, {words}", settings, share, seed + number, signal.SIGKILL)
    settings = VARIANTS["two threads, bfloat16"]
    if stops:
        yield _killed(space / "stop", "SIGTERM, two threads, bfloat16", settings, stops, seed + 100, signal.SIGTERM)


def _killed(
    space: Path, what: str, settings: list[str], count: int, seed: int, number: signal.Signals
) -> Iterator[Line]:
    line = Line(what, note="weights, optimizer, metrics, samples: byte-equal to an undisturbed run")
    space.mkdir()

    def command(name: str) -> list[str]:
        words = ["run", "--recipe", str(space.parent / "small.toml"), "--corpus", str(space.parent / "play.txt")]
        words += [part for setting in settings for part in ("--set", setting)]
        return python_command(*words, "--runs", str(space), "--run", name)

    took, steps = run_through(command("undisturbed")), list[int]()
    killed, folder = command("killed"), space / "killed"
    try:
        for kill in killed_runs(killed, folder, kills=count, seconds=took, seed=seed, number=number):
            steps.append(kill.step)
            line.attempts += 1
            yield line
        if differing := differing_files(folder, space / "undisturbed"):
            line.failures.append(f"after kills at steps {steps}, these differ: {', '.join(differing)}")
    except AssertionError as error:
        line.failures.append(f"after kills at steps {steps}: {error}")
    line.what += f" (at steps {', '.join(map(str, steps))})"
    yield line


def operations(space: Path) -> Iterator[Line]:
    """Die at each file operation of a save."""
    line = Line("killed at each file operation of a save", note="the old or the new one is whole; the next save works")
    space.mkdir()
    sample = Sample()

    def begin(folder: Path) -> None:
        sample.save(folder, 1)
        sample.save(folder, 2)

    for point, folder in file_operations(space, begin, lambda folder: sample.save(folder, 3)):
        step, skipped = sample.newest(folder)
        well = step in (2, 3) and not skipped
        sample.save(folder, 4)
        left = [path.name for path in folder.glob(".*")]
        line.count(well and sample.newest(folder) == (4, []) and not left, f"{point}: step {step}, {skipped or left}")
        yield line


def damages(space: Path, count: int, seed: int) -> Iterator[Line]:
    """Flip bits and cut files."""
    line = Line("bits flipped and files cut, in every file", note="noticed and named; the checkpoint before is taken")
    sample = Sample()
    for step in (1, 2):
        sample.save(space, step)
    for words in with_damage(space / "step-00000002", count=count, seed=seed):
        step, skipped = sample.newest(space)
        line.count(step == 1 and len(skipped) == 1 and "step 2 is damaged" in skipped[0], words)
        yield line


class Sample:
    """Checkpoints of a real model with a tokenizer, whose weights tell the step."""

    def __init__(self) -> None:
        config = ModelConfig(
            vocab_size=257, d_model=16, layers=1, heads=2, kv_heads=1, d_head=8, d_ff=24, context_length=16
        )
        model = Decoder(config, generator=torch.Generator().manual_seed(1))
        self.layout = Layout.of(model, ByteTokenizer(["<|endoftext|>"]), bos=256, eos=256)
        self.weights = model.state_dict()

    def save(self, folder: Path, step: int) -> None:
        """Save a step, and keep two."""
        save_checkpoint(folder, self._checkpoint(step), self.layout)
        remove_old(folder, newest=step, keep=2)

    def newest(self, folder: Path) -> tuple[int | None, list[str]]:
        """Return the step of the newest whole checkpoint, if its content is that of the step, and what was skipped."""
        found, skipped = load_newest(folder, self.layout)
        if found is None:
            return None, skipped
        wanted = self._checkpoint(found.step)
        pairs = [(found.weights, wanted.weights), (found.state, wanted.state)]
        same = all(one.keys() == other.keys() for one, other in pairs) and found.facts == wanted.facts
        same = same and all(torch.equal(one[name], other[name]) for one, other in pairs for name in other)
        return found.step if same else None, skipped

    def _checkpoint(self, step: int) -> Checkpoint:
        weights = {name: weight * step for name, weight in self.weights.items()}
        state = {f"optimizer.mean.{name}": weight * 0.5 for name, weight in weights.items()}
        return Checkpoint(step, weights, state | {"optimizer.steps": torch.tensor(step)}, {"seconds": 1.5 * step})


if __name__ == "__main__":
    sys.exit(main())
