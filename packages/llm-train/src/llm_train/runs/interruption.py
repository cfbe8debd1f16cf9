"""Ctrl-C and SIGTERM: the first one asks the run to stop after the step, the second one ends it at once."""

import signal
from types import FrameType
from typing import Any, Self

from llm_train.interface import TrainError


class Interrupted(TrainError):  # noqa: N818 - a stop is not an error
    """The run was asked to stop; the message says after which step. Everything is saved, and the same call resumes."""


class StopRequest:
    """Inside its `with` block the first signal sets `requested`, instead of ending the program."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in self.SIGNALS:
            try:
                self._before[number] = signal.signal(number, self._ask)
            except ValueError:  # not in the main thread, where signals cannot be handled
                break
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()  # a second signal means: do not wait

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
