"""What the user sees during a run: a line per stage, and one live line for the training loop."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from rich.cells import cell_len
from rich.text import Text

from llm_tokenizer.commands.console import Console
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.commands.wording import duration


@dataclass
class Stage:
    """One stage of a run: its display, and what is printed when it ends."""

    display: Progress
    report: str = ""


class Reporter:
    """Prints stages and records how long each took. rich honors NO_COLOR and whether this is a terminal."""

    def __init__(self, console: Console | None = None, started: float | None = None) -> None:
        """Print to a console; `started` is when the work began by `time.perf_counter`, if that was before now."""
        self.console = console or Console()
        self.started = time.perf_counter() if started is None else started
        self.seconds: dict[str, float] = {"start-up": self.elapsed}
        self.failure: OSError | None = None
        self.display = Progress("llm-train")

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return time.perf_counter() - self.started

    def say(self, text: str | Text, style: str = "") -> None:
        """Print a line as it is. A run does not end because its output is gone: `failure` is raised afterwards."""
        self.display.wipe()
        try:
            self.console.print(text, style=style)
        except OSError as error:
            self.failure = error

    def columns(self, head: Sequence[str], rows: Iterable[Sequence[str]], best: Sequence[int | None] = ()) -> None:
        """Print rows under a head, each column as wide as its widest value.

        Args:
            head: the names of the columns.
            rows: the values.
            best: for each row the column whose value is printed bold.
        """
        table = [list(head), *(list(row) for row in rows)]
        widths = [max(cell_len(row[place]) for row in table) for place in range(len(head))]
        self.say(_aligned(table[0], widths, None), style="bold")
        for number, row in enumerate(table[1:]):
            self.say(_aligned(row, widths, best[number] if number < len(best) else None))

    def require_output(self) -> None:
        """Raise the error of an output that was gone, once the work is done."""
        if self.failure is not None:
            raise self.failure

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time a stage, show that it is at work, and print its line if it ends without an error."""
        with Progress("llm-train") as self.display:
            self.display(name)
            stage, started = Stage(self.display), time.perf_counter()
            yield stage
        self.seconds[name] = time.perf_counter() - started
        seconds = (f"  {self.seconds[name]:.1f} s", "dim")
        self.say(Text.assemble((f"{name:<11} ", "bold"), stage.report, seconds))


def _aligned(row: Sequence[str], widths: Sequence[int], bold: int | None) -> Text:
    line = Text()
    for place, (value, width) in enumerate(zip(row, widths, strict=True)):
        line.append(value, "bold" if place == bold else "")
        line.append(" " * (width - cell_len(value) + 2))
    line.rstrip()
    return line


class LoopProgress:
    """Step, loss, validation loss, tokens per second and remaining time of a training loop, on stderr.

    Args:
        steps: of the whole run.
        share: which part of the run's work is done after so many steps; None: all steps take the same.
    """

    def __init__(self, steps: int, share: Callable[[int], float] | None = None) -> None:
        self.steps, self.share = steps, share or (lambda step: step / steps)
        self.tokens, self.earlier_seconds = 0, 0.0
        """What the run was trained on before, and how long that took, where it is resumed."""
        self.display = Progress("llm-train")
        self.began = self.updated = time.perf_counter()
        self.ended: float | None = None
        self.loss: float | None = None
        self.validation: float | None = None

    def update(self, step: int, loss: float, tokens: int) -> float:
        """Record a finished step, and show it if the last display is old enough; return its tokens per second."""
        before, self.updated = self.updated, time.perf_counter()
        # Smoothed: the loss of one batch depends more on the batch than on the model.
        self.loss = loss if self.loss is None else 0.95 * self.loss + 0.05 * loss
        self.tokens += tokens
        if self.display.due:
            self.display.show(self.line(step))
        return tokens / max(self.updated - before, 1e-9)

    @property
    def seconds(self) -> float:
        """Seconds of the loop with its validations and samples, those before a resume included; not what follows."""
        now = time.perf_counter() if self.ended is None else self.ended
        return now - self.began + self.earlier_seconds

    @property
    def tokens_per_second(self) -> float:
        """Training tokens per second, on average over the loop so far."""
        return self.tokens / max(self.seconds, 1e-9)

    def line(self, step: int) -> str:
        """Return the line as text."""
        parts = [f"step {step:,}/{self.steps:,}", f"loss {self.loss:.3f}"]
        if self.validation is not None:
            parts.append(f"validation {self.validation:.3f}")
        parts.append(f"{self.tokens_per_second:,.0f} tokens/s so far")
        parts.append(f"{duration(self.seconds * (1 / self.share(step) - 1))} left")
        return "  ".join(parts)

    def __enter__(self) -> Self:
        self.began = self.updated = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended = time.perf_counter()
        self.display.close()
