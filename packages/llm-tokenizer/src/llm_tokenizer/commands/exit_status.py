"""How a command ends: with what it returns, or with one sentence where it was stopped or its output is gone."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable


def run_to_the_end(run: Callable[[], int], *, lead: str = "") -> int:
    """Run it and give the exit status: its own, 130 after Ctrl-C, 2 where the output cannot be written.

    A reader that has seen enough, `head` for example, is no mistake: the status is 0, and nothing is said. `lead`
    stands before each sentence.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.encoding.lower().startswith("utf"):
        sys.stdout.reconfigure(errors="backslashreplace")  # an old terminal shows what it can, and nothing is lost
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()  # here, where an error can still be told
    except KeyboardInterrupt:
        print(f"{lead}stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _let_go_of_the_output()
        return 0
    except OSError as error:
        if error.filename is None:
            _let_go_of_the_output()
        what = f"{error.filename} cannot be read or written" if error.filename else "the output cannot be written"
        print(f"{lead}error: {what}: {error.strerror or error}", file=sys.stderr)
        return 2


def _let_go_of_the_output() -> None:
    """What is still to be written cannot be; Python would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
