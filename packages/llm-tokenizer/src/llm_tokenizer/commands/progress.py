"""Progress line: how far a long piece of work has come, for all commands of the project."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import suppress
from typing import Self, TextIO, TypeVar

Part = TypeVar("Part", bound=Sized)

TICK = 1.0  # seconds between two looks at a stage that reports no steps


class Progress:
    """Show what a command is doing on stderr, once it has taken a while.

        with Progress("llm-layers") as progress:
            progress("reading model.gguf")                   a stage without steps: its seconds are shown
            progress("learning merges", done, total)         steps, with the time that is left

    On a terminal it is one line that is rewritten and wiped at the end; nothing is shown for work of less than two
    seconds. In a file or a pipe it is a plain line every 20 seconds, the first after ten.

    Args:
        program: The name before a plain line.
        stream: Where to write; stderr if left out.
    """

    def __init__(self, program: str = "", stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._lead = f"{program}: " if program else ""
        self._patience, self._between = (2.0, 0.2) if self._terminal else (10.0, 20.0)
        self.begun = time.monotonic()
        self._next = self.begun + self._patience
        self._stage, self._stage_begun = "", self.begun
        self._steps: tuple[int, int | None] = (0, None)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None
        self._shown = False

    def __call__(self, stage: str, done: int | None = None, total: int | None = None) -> None:
        """Report a stage of the work and, if it has any, how many of its steps are done."""
        now = time.monotonic()
        with self._lock:
            if stage != self._stage:
                self._stage, self._stage_begun = stage, now if self._stage else self.begun
                if self._terminal and now >= self.begun + self._patience:
                    self._next = min(self._next, now)
            self._steps = (done or 0, total)
        if done is None and self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        if now >= self._next:
            self.show(self._line(now))

    @property
    def due(self) -> bool:
        """Whether it is time to show something."""
        return time.monotonic() >= self._next

    def show(self, line: str) -> None:
        """Show a line now, in place of the last one."""
        with self._lock, suppress(OSError, ValueError):  # work does not end because nobody watches
            self._stream.write(f"\r\x1b[K{line}" if self._terminal else f"{self._lead}{line}\n")
            self._stream.flush()
            self._next, self._shown = time.monotonic() + self._between, True

    def close(self) -> None:
        """End: wipe the line, and show nothing more by itself."""
        self._closed.set()
        self.wipe()

    def wipe(self) -> None:
        """Wipe the line until there is something new to show, so that something else can be printed."""
        if self._shown and self._terminal:
            with self._lock, suppress(OSError, ValueError):
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _tick(self) -> None:
        while not self._closed.wait(TICK):
            now = time.monotonic()
            if now >= self._next:
                self.show(self._line(now))

    def _line(self, now: float) -> str:
        (done, total), seconds = self._steps, now - self._stage_begun
        if not done and total is None:
            return f"{self._stage} … {seconds:.0f} s"
        if total is None:
            return f"{self._stage}: {done:,}"
        left = seconds * (total - done) / max(done, 1)
        return f"{self._stage}: {done:,} of {total:,}, about {left:.0f} s left"


def counted(stage: str, parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the same parts, and show how much of them has passed."""
    count = 0
    with Progress() as progress:
        for part in parts:
            yield part
            count += len(part)
            progress(stage, count)
