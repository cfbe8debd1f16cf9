"""A line on stderr that says what a command is at, once it has taken a while."""

import sys
import threading
import time
from io import TextIOBase
from types import TracebackType
from typing import TextIO

PATIENCE = 2.0
"""Seconds before anything is said on a terminal."""
PLAIN_PATIENCE = 10.0
"""Seconds where the line cannot be wiped again: in a file or a pipe only work that is really long is told of."""


class Stages:
    """Told at the start of each stage; on a terminal one line that is wiped at the end, elsewhere a plain line each.

    `llm_tokenizer.commands.progress` counts steps as they are done. Here a stage is one call that comes
    back when it is over, so a timer has to speak.
    """

    def __init__(self, stream: TextIOBase | None = None) -> None:
        self._stream: TextIO | TextIOBase = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._patience = PATIENCE if self._terminal else PLAIN_PATIENCE
        self._start = time.monotonic()
        self._stage = ""
        self._shown = ""
        self._lock = threading.Lock()
        self._timer = threading.Timer(self._patience, self._show)
        self._timer.daemon = True  # nobody waits for it

    def __call__(self, stage: str) -> None:
        """Begin a stage: "reading model.gguf (135 million weights)"."""
        with self._lock:
            self._stage = stage
        if time.monotonic() - self._start >= self._patience:
            self._show()

    def __enter__(self) -> "Stages":
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._stage = ""
            if self._shown and self._terminal:
                self._write("\r\x1b[K")

    def _show(self) -> None:
        with self._lock:
            if self._stage and self._stage != self._shown:
                self._write(f"\r\x1b[K{self._stage} …" if self._terminal else f"llm-layers: {self._stage} …\n")
                self._shown = self._stage

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
