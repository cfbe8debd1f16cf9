"""`metrics.jsonl`: the measurements of a run as they are made, a line of JSON per step and one per validation.

{"step": 12, "loss": 5.61, "gradient_norm": 0.83, "lr_multiplier": 1.0, "tokens": 24576, "seconds": 2.1}
{"step": 12, "validation_loss": 5.66, "bits_per_byte": 3.01}
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from llm_tokenizer.files.writing import write_text


class MetricsLog:
    """Appends to the file; each line is passed to the system at once, so a crash loses none."""

    def __init__(self, path: Path, after_step: int) -> None:
        """Open the file and drop what was measured after `after_step`, the checkpoint that the run resumes from.

        The final validation, on all windows, is dropped too: it belongs to the last step and is made again.
        """
        kept = [row for row in read_metrics(path) if row["step"] <= after_step and row.get("windows") != "all"]
        write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = path.open("a", encoding="utf-8")

    def write(self, **row: Any) -> None:
        """Append one line."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def read_metrics(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a log up to a line that a crash has cut off; without a file there are none."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                return
