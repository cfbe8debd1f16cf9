"""The two logs of a run, a line of JSON per step.

metrics.jsonl   what follows from recipe, text and seed alone, so equal runs have equal bytes
{"step": 12, "loss": 5.61, "gradient_norm": 0.83, "lr_multiplier": 1.0, "tokens": 24576}
{"step": 12, "validation_loss": 5.66, "bits_per_byte": 3.01, "windows": 64}
timings.jsonl   what depends on the machine
{"step": 12, "seconds": 2.1, "tokens_per_second": 15600.2, "peak_share": 0.31, "memory_mb": 612.3}
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

from llm_tokenizer.files.writing import failed_write
from llm_train.interface import TrainError


class RowLog:
    """Appends rows to a file; each is passed to the system at once, so that a killed process loses none."""

    def __init__(self, path: Path, after_step: int) -> None:
        """Open the file and drop what came after the update of `after_step`, at which the run resumes.

        Of that step only what is known right after its update stays: what was due then is made again.

        Raises:
            TrainError: the file is damaged, or cannot be written.
        """
        self.path = path
        try:
            kept = _length_until(path, after_step)
            self._file = path.open("ab")
            self._file.truncate(kept)
        except OSError as error:
            raise self._failed(error) from None

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Append a row. A number that JSON cannot hold, an infinity or NaN, is written as null.

        Raises:
            TrainError: the disk is full.
        """
        row = {"step": step} | {name: _writable(value) for name, value in values.items()}
        try:
            self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from None

    def sync(self) -> None:
        """Wait until all rows are on the disk: a checkpoint must not be there without the rows up to it."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def _failed(self, error: OSError) -> TrainError:
        return TrainError(
            f"{failed_write(self.path, error)}; the checkpoints are unchanged, and the same command resumes the run"
        )


def read_metrics(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a log; without a file there are none, and a last line that a crash has cut off is none.

    Raises:
        TrainError: another line is damaged.
    """
    return (row for row, _ in _rows(path))


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each row with the place where its line ends."""
    if not path.exists():
        return
    end = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json.loads(line, parse_constant=_refuse)
                if not isinstance(row, dict) or type(row.get("step")) is not int:
                    raise ValueError("it is no measurement of a step")
            except ValueError as error:
                raise TrainError(
                    f"{path}: line {number} is damaged ({error}); delete that line, or the file: a run can do without"
                ) from None
            end += len(line)
            yield row, end


def _length_until(path: Path, step: int) -> int:
    kept = 0
    for row, end in _rows(path):
        if row["step"] > step or (row["step"] == step and "validation_loss" in row):
            break
        kept = end
    return kept


def _writable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _writable(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
