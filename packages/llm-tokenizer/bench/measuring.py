"""Measure the processor time of alternating runs, so that other load on the machine affects all alike."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

Runs = dict[str, Callable[[], Any]]


def processor_seconds(runs: Runs, *, repeats: int, warm_up: int = 1) -> dict[str, float]:
    """Return the median processor time of each, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(warm_up + repeats):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return {name: median(taken[warm_up:]) for name, taken in times.items()}


def shortest_seconds(
    runs: Runs, *, repeats: int, clock: Callable[[], float] = time.process_time, at_least: float = 0.0
) -> dict[str, float]:
    """Return the shortest time of each, run in turn, so many times and for `at_least` so many seconds.

    For what other load disturbs most, the caches or the second core: the shortest run is the least disturbed.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + at_least
    while min(map(len, times.values())) < repeats or time.perf_counter() < end:
        for name, run in runs.items():
            times[name].append(seconds(run, clock))
    return {name: min(taken) for name, taken in times.items()}


def seconds(run: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> float:
    start = clock()
    run()
    return clock() - start


class Table:
    """Rows of measurements, printed as they come: the figure, the bar, and whether it is met."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        print(f"{'what':72}{'ours':>12}{'peer':>12}{'reached':>10}{'bar':>10}")

    def compare(self, what: str, ours: float, peer: float, *, bar: float, megabytes: float = 0) -> None:
        """Add how many times faster ours is, from seconds. With `megabytes`, speeds are shown, else the seconds."""
        unit = "MB/s" if megabytes else "s"
        shown = [f"{megabytes / taken if megabytes else taken:.3g} {unit}" for taken in (ours, peer)]
        measured = {"ours": ours, "peer": peer, "megabytes": megabytes}
        self._add(what, shown, round(peer / ours, 3), bar, "x", peer / ours >= bar, measured)

    def limit(self, what: str, value: float, *, at_most: float, unit: str = "s") -> None:
        """Add one value and its upper bound."""
        self._add(what, ["", ""], round(value, 4), at_most, unit, value <= at_most, {"at_most": True})

    def least(self, what: str, value: float, *, at_least: float, unit: str = "") -> None:
        """Add one value and its lower bound."""
        self._add(what, ["", ""], round(value, 4), at_least, unit, value >= at_least, {})

    def _add(
        self, what: str, shown: list[str], reached: float, bar: float, unit: str, met: bool, more: dict[str, Any]
    ) -> None:
        sign = "≤" if "at_most" in more else "≥"
        columns = f"{shown[0]:>12}{shown[1]:>12}{f'{reached:.3g} {unit}':>10}{f'{sign} {bar:g} {unit}':>10}"
        print(f"{what:72}{columns}  {'met' if met else 'MISSED'}", flush=True)
        self.rows.append({"what": what, "reached": reached, "bar": bar, "unit": unit, "met": met, **more})


def write_record(path: Path, rows: list[dict[str, Any]], about: dict[str, Any]) -> None:
    """Write the measurements as JSON; rows of earlier runs stay until one of the same name is measured again."""
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    merged = {row["what"]: row for row in [*known.get("rows", []), *rows]}
    content = known | about | {"rows": list(merged.values())}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return the kind of machine, not which one."""
    names = re.findall(r"^model name\s*: (.*)$", _text_of(Path("/proc/cpuinfo")), flags=re.MULTILINE)
    return {
        "cores": os.cpu_count(),
        "processor": names[0].strip() if names else platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
