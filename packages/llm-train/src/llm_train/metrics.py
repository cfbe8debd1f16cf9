"""`metrics.jsonl`, the source of truth about a run: a line of JSON per step, written as it happens.

{"step": 12, "loss": 5.61, "gradient_norm": 0.83, "rate_share": 1.0, "tokens": 24576, "seconds": 2.1}
{"step": 12, "validation_loss": 5.66, "bits_per_byte": 3.01}
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self


class MetricsLog:
    """Appends to the file; each line is handed to the system at once, so a crash loses none."""

    def __init__(self, path: Path, after_step: int) -> None:
        """Open the file and drop what was measured after `after_step`, the checkpoint that the run goes on from.

        The last validation, on all windows, is dropped too: it stands at the last step and is made anew.
        """
        kept = [row for row in read_metrics(path) if row["step"] <= after_step and row.get("windows") != "all"]
        partial = path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        os.replace(partial, path)
        self._file = path.open("a", encoding="utf-8")

    def write(self, **row: Any) -> None:
        """Append one line."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of a log; a last line that a crash has cut off is left out, no file is no lines."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                return
