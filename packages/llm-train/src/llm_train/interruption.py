"""Ctrl-C and SIGTERM: the first one asks the run to stop after the step, the second one ends it at once."""

import signal
from types import FrameType
from typing import Any, Self

from llm_train.interface import TrainError

EXIT_STATUS = 130
"""What `llm-train run` ends with after a stop: the shell's number for an interrupted command."""


class Interrupted(TrainError):  # noqa: N818 - to stop is no error
    """The run was asked to stop; the message says what was saved and how to go on."""


class StopRequest:
    """While it is entered, `requested` turns true with the first signal instead of the program ending."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals over."""
        for number in self.SIGNALS:
            try:
                self._before[number] = signal.signal(number, self._ask)
            except ValueError:  # not in the main thread: signals are not ours to take
                break
        return self

    def __exit__(self, *error: object) -> None:
        """Give the signals back."""
        self._give_back()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._give_back()  # whoever asks a second time does not want to wait

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
