"""Measuring: processor time of alternating runs, so that what else the machine does weighs on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

Runs = dict[str, Callable[[], Any]]


def processor_seconds(runs: Runs, *, repeats: int, warm_up: int = 1) -> dict[str, float]:
    """The median processor time of each, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(warm_up + repeats):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return {name: median(taken[warm_up:]) for name, taken in times.items()}


def seconds(run: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> float:
    start = clock()
    run()
    return clock() - start


class Table:
    """Rows of what was measured, printed as they come."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        print(f"{'what':66}{'ours':>12}{'peer':>12}{'ratio':>8}{'goal':>8}")

    def compare(self, what: str, ours: float, peer: float, *, goal: float, of: float = 0, unit: str = "MB/s") -> None:
        """How many times sooner ours is. With `of` megabytes, speeds are shown, else seconds."""
        ratio = peer / ours
        shown = [of / taken for taken in (ours, peer)] if of else [ours, peer]
        unit = unit if of else "s"
        print(f"{what:66}{shown[0]:>7.3g} {unit:4}{shown[1]:>7.3g} {unit:4}{ratio:>6.2f} x{goal:>6} x", flush=True)
        self.rows.append({"what": what, "ours": ours, "peer": peer, "megabytes": of, "ratio": ratio, "goal": goal})

    def limit(self, what: str, value: float, *, at_most: float, unit: str = "s") -> None:
        """One value and what it may be at most."""
        print(f"{what:66}{value:>7.3g} {unit:4}{'':20}{'≤':>4} {at_most} {unit}", flush=True)
        self.rows.append({"what": what, "value": value, "unit": unit, "at_most": at_most})
