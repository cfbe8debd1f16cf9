"""What a command shows while torch is imported, which takes seconds."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from llm_tokenizer.commands.progress import Progress


@contextmanager
def starting() -> Iterator[None]:
    """Show on stderr, before anything slow is imported, that the command has begun; a terminal wipes it afterwards.

    Of the processes that `torchrun` has started only the first one shows it.
    """
    with Progress("llm-train") as display:
        if "torch" not in sys.modules and os.environ.get("RANK", "0") == "0":
            display.show("starting, PyTorch is being loaded …")
        yield
