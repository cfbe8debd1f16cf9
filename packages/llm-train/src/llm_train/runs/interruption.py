"""Ctrl-C, SIGTERM and the end of a terminal: the first asks the run to stop and save, the second ends it at once.

In the training loop the request is looked at after each update and in each batch of a validation, so that the update
is finished and saved. Everywhere else nothing has to be finished: what was written there is whole or not there at all,
so the run stops in the middle of whatever it does.

A request is a courtesy. What a run is safe by are the checkpoints on the disk: it may be killed at any moment.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from llm_train.interface import TrainError


class Interrupted(TrainError):  # noqa: N818 - a stop is not an error
    """The run was asked to stop; the message says where. What was done is saved, and the same call resumes it."""


class StoppedNow(KeyboardInterrupt):
    """A signal came where nothing has to be finished. No `except Exception` may take it for a mistake."""


class StopRequest:
    """Inside its `with` block the first signal sets `requested`, instead of ending the program."""

    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in self.SIGNALS:
            if number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            try:
                self._before[number] = signal.signal(number, self._ask)
            except ValueError:  # not in the main thread, where signals cannot be handled
                break
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only take a note of a signal inside; outside it ends what is being done with `StoppedNow`."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()  # a second signal means: do not wait
        if not self._deferred:
            raise StoppedNow

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
