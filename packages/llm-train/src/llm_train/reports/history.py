"""The measurements of a run, joined from its logs, as curves over steps, tokens, seconds or FLOPs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llm_train.recipes.growth import tokens_read
from llm_train.runs.folder import Run
from llm_train.runs.metrics import read_metrics
from llm_train.stages.build import flops_per_token

Points = list[tuple[float, float]]

AXES = {"step": "step (weight updates)", "tokens": "training tokens", "seconds": "seconds", "flops": "FLOPs"}
"""What a curve can run over, with the words for it. Each misleads in its own way, so a comparison shows all four."""
RATIO = "update_ratio"
"""Rows hold the update-to-weight ratios under this name: a table by group, or one number per `update_ratio.GROUP`."""


@dataclass(frozen=True)
class History:
    """The rows of a run: one per update and one per validation, each with the position on every axis."""

    updates: tuple[Mapping[str, Any], ...]
    validations: tuple[Mapping[str, Any], ...]

    def curve(self, name: str, axis: str = "step", *, validation: bool = False) -> Points:
        """Return the finite values of one measurement, in order; rows without it or without a position are left out."""
        rows = self.validations if validation else self.updates
        pairs = ((_finite(row.get(axis)), _finite(row.get(name))) for row in rows)
        return [(x, y) for x, y in pairs if x is not None and y is not None]

    def ratio_groups(self) -> list[str]:
        """Return the names of the curves with update-to-weight ratios, `update_ratio.matrices` and so on."""
        names = (key for row in self.updates for key in row if key.startswith(f"{RATIO}."))
        return list(dict.fromkeys(names))


def load_history(run: Run) -> History:
    """Read a run's logs; what a run of an older version or one that was killed lacks is left out."""
    recipe = run.recipe()
    per_token, flops, counted = flops_per_token(recipe), 0, 0
    timings = {row["step"]: row for row in _rows(read_metrics(run.folder / "timings.jsonl"))}
    updates: dict[int, dict[str, Any]] = {}
    validations = []
    for row in _rows(run.metrics()):
        step = row["step"]
        place = {"tokens": tokens_read(recipe, step), **timings.get(step, {}), **row}
        if "loss" in row:
            flops, counted = flops + (place["tokens"] - counted) * per_token(step), place["tokens"]
            updates[step] = _flat(place | {"flops": flops})
        elif "validation_loss" in row:
            validations.append({**place, "flops": flops, **updates.get(step, {}), **row})
    return History(tuple(updates.values()), tuple(validations))


def smoothed(points: Points) -> Points:
    """Return the exponential moving average over about a fiftieth of the points, corrected for its start at 0."""
    keep = 1 - 1 / max(1.0, len(points) / 50)
    mean, weight, result = 0.0, 0.0, []
    for x, y in points:
        mean, weight = keep * mean + (1 - keep) * y, keep * weight + (1 - keep)
        result.append((x, mean / weight))
    return result


def thinned(points: Points, count: int) -> Points:
    """Return at most `count` points: the means of neighbors, and the last point as it is."""
    if len(points) <= count:
        return points
    size = math.ceil((len(points) - 1) / (count - 1))
    groups = (points[start : start + size] for start in range(0, len(points) - 1, size))
    means = [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
    return [*means, points[-1]]


def _rows(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows that belong to a step; a damaged log ends earlier."""
    return (row for row in rows if isinstance(row, dict) and type(row.get("step")) is int)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Write a table of ratios as one entry per group."""
    table = row.get(RATIO)
    if not isinstance(table, Mapping):
        return row
    rest = {key: value for key, value in row.items() if key != RATIO}
    return rest | {f"{RATIO}.{group}": value for group, value in table.items()}


def _finite(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
