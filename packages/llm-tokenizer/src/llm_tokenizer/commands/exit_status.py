"""How every command of the project ends: its exit status, and one sentence instead of a traceback.

0    done
1    a specification is not met, or two models differ
2    a mistake of the user's, or an output that cannot be written; the sentence says which
130  stopped by Ctrl-C
141  the reader of the output has gone, as with `head` (what a shell reports for any program in that place)
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from llm_tokenizer.interface import UserError

OK, DIFFERS, USER_ERROR, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141


def run_to_the_end(run: Callable[[], int | None], *, lead: str = "") -> int:
    """Run a command and return its exit status.

    Args:
        run: The command; returns its own status, or None for 0. A KeyboardInterrupt may carry the sentence to print.
        lead: Written before each sentence, for example "llm-train: ".
    """
    _open_standard_streams()
    try:
        try:
            return run() or OK
        finally:
            sys.stdout.flush()  # here, where an error can still be reported
    except KeyboardInterrupt as stop:
        _report(f"{lead}{stop}" if stop.args else f"{lead}stopped")
        return INTERRUPTED
    except UserError as error:
        _report(f"{lead}error: {error}")
        return USER_ERROR
    except BrokenPipeError:
        _discard_output()
        return CLOSED_PIPE
    except OSError as error:
        if error.filename is None:
            _discard_output()
        what = f"{error.filename} cannot be read or written" if error.filename else "the output cannot be written"
        _report(f"{lead}error: {what}: {error.strerror or error}")
        return USER_ERROR


def _report(sentence: str) -> None:
    with suppress(OSError, ValueError):  # where nobody listens, the status says enough
        print(sentence, file=sys.stderr, flush=True)


def _open_standard_streams() -> None:
    """Make the three streams usable: closed ones (`>&-`) are opened, and every name and text can be printed.

    A closed input is empty. A closed output behaves like a pipe whose reader has gone.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), closefd=False)
    if sys.stdout is None:
        reader, writer = os.pipe()
        os.close(reader)
        sys.stdout = os.fdopen(writer, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name may hold bytes that are not UTF-8: they come out as they are. An old terminal shows what
            # it can, and nothing is lost.
            unicode = stream.encoding.lower().startswith("utf")
            stream.reconfigure(errors="surrogateescape" if unicode else "backslashreplace")


def _discard_output() -> None:
    """Send what is still buffered nowhere; Python would try to write it once more when it exits, and complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
