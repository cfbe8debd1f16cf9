"""TensorBoard and trackio: other programs that draw the measurements of a run while it goes on. Both are extras.

What they get is what the run's own logs hold; they are never needed, and one that fails is switched off.
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llm_tokenizer.commands.wording import suggest
from llm_train.interface import Tracker, TrainError

PROJECT = "llm-train"
"""Under this name trackio keeps all our runs; `trackio show --project llm-train` draws them."""


class TensorBoard:
    """Writes event files into the folder `tensorboard` of the run; `tensorboard --logdir runs` draws all runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tensorboard"
        self.recipe: Mapping[str, Any] = {}
        self.writer: Any = None

    def start(self, recipe: Mapping[str, Any]) -> None:
        """Keep the recipe; the file begins with the first measurement, whose step a resumed run has to name."""
        self.recipe = recipe

    def log(self, step: int, row: Mapping[str, Any]) -> None:
        """Add a point to the curve of each number."""
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(self.folder), purge_step=step)
            table = "\n".join(f"    {name} = {value}" for name, value in _flat(self.recipe))
            self.writer.add_text("recipe", table, step)
        for name, value in numbers(row).items():
            self.writer.add_scalar(name, value, step)

    def finish(self, results: Mapping[str, Any]) -> None:
        """Add the results and close the file."""
        if self.writer is not None:
            for name, value in numbers(results).items():
                self.writer.add_scalar(f"results/{name}", value)
            self.writer.close()


class Trackio:
    """Writes into trackio's database on this computer; nothing is sent anywhere."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self.library: Any = None

    def start(self, recipe: Mapping[str, Any]) -> None:
        """Begin the run, or go on with the one of this name."""
        import trackio

        with redirect_stdout(sys.stderr):  # it greets on the output, which belongs to the results
            self.library = trackio
            trackio.init(
                project=PROJECT, name=self.name, config=dict(_flat(recipe)), resume="allow", embed=False,
                auto_log_gpu=False, auto_log_cpu=False,
            )  # fmt: skip

    def log(self, step: int, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self.library.log(numbers(row), step=step)

    def finish(self, results: Mapping[str, Any]) -> None:
        """Add the results and wait until all is written."""
        with redirect_stdout(sys.stderr):
            self.library.log({f"results/{name}": value for name, value in numbers(results).items()})
            self.library.finish()


KINDS: dict[str, Callable[[Path], Tracker]] = {"tensorboard": TensorBoard, "trackio": Trackio}
"""The trackers by their name in `report.trackers`, which is also that of the library."""


class Guarded:
    """A tracker that cannot end a training: when it fails, that is said once, and it gets nothing more."""

    def __init__(self, tracker: Tracker, say: Callable[[str], None]) -> None:
        self.tracker: Tracker | None = tracker
        self.say = say

    def start(self, recipe: Mapping[str, Any]) -> None:
        """Pass it on."""
        self._call("start", recipe)

    def log(self, step: int, row: Mapping[str, Any]) -> None:
        """Pass it on."""
        self._call("log", step, row)

    def finish(self, results: Mapping[str, Any]) -> None:
        """Pass it on."""
        self._call("finish", results)

    def _call(self, method: str, *arguments: Any) -> None:
        if self.tracker is None:
            return
        try:
            getattr(self.tracker, method)(*arguments)
        except Exception as error:  # whatever it is, the training is worth more
            reason = str(error) or type(error).__name__
            self.say(
                f"note: the tracker {type(self.tracker).__name__} failed ({reason}) and is switched off; the training "
                "goes on, and its own logs have everything"
            )
            self.tracker = None


def named_trackers(names: Sequence[str], folder: Path) -> list[Tracker]:
    """Return the trackers of a run by their names.

    Raises:
        TrainError: there is no tracker of that name, or its library is not installed.
    """
    for name in names:
        if name not in KINDS:
            known = ", ".join(KINDS)
            raise TrainError(f"report.trackers: there is no tracker {name!r}{suggest(name, KINDS)}; there are {known}")
        if find_spec(name) is None:
            raise TrainError(
                f"report.trackers names {name}, which is not installed: pip install {name}, "
                "or leave it out: --set report.trackers=[]"
            )
    return [KINDS[name](folder) for name in dict.fromkeys(names)]


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers of a row, those in a table as `table/name`."""
    found: dict[str, float] = {}
    for name, value in _flat(row):
        if type(value) in (int, float) and math.isfinite(value):
            found[name] = value
    return found


def _flat(table: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", one) for inner, one in value.items())
        else:
            yield name, value
