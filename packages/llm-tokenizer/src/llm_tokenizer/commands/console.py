"""The console on which all commands print in color."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console as RichConsole


class Console(RichConsole):
    """A rich console that prints text as it is: `[bold]` and `:heart:` in a text or a path are not markup.

    A closed pipe is left to `run_to_the_end`; rich itself would end the program, with status 1.
    """

    def __init__(self, **settings: Any) -> None:
        plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False, "soft_wrap": True}
        super().__init__(**plain | {"file": sys.stdout} | settings)

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError once more."""
        raise  # rich calls this while it handles the BrokenPipeError, which is raised again here
