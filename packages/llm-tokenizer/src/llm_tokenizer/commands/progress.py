"""A line that says how far a long piece of work has come."""

from __future__ import annotations

import sys
import time
from typing import TextIO

PATIENCE = 2.0  # seconds before anything is shown
BETWEEN = 0.2  # seconds from one line to the next


class ProgressLine:
    """One line on the terminal that is written over again; silent for quick work, and when no terminal listens."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._start = time.monotonic()
        self._next = self._start + PATIENCE
        self._shown = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Tell that `done` of `total` steps are done; the total may be unknown."""
        now = time.monotonic()
        if now < self._next or not self._stream.isatty():
            return
        how_far = f"{done:,}"
        if total is not None:
            left = (now - self._start) * (total - done) / max(done, 1)
            how_far += f" of {total:,}, about {left:.0f} s left"
        self._stream.write(f"\r\x1b[K{self._what}: {how_far}")
        self._stream.flush()
        self._next, self._shown = now + BETWEEN, True

    def close(self) -> None:
        """Wipe the line."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
