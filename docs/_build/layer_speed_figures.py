"""What `nox -s bench -- layers --record docs/recorded/layers-bench.json` measured, as tables."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import plots
from bars import bars
from vocabulary_figures import table


def steps() -> str:
    """Forward and backward pass against the peers, in float32."""
    return _compared(
        row
        for row in plots.bench_record("layers")["rows"]
        if row["what"].startswith("step") and "float32" in row["what"]
    )


def low_steps() -> str:
    """The same in bfloat16."""
    return _compared(row for row in plots.bench_record("layers")["rows"] if "bfloat16" in row["what"])


def memory() -> str:
    """Peaks of memory, and the loss of the head."""
    rows = [
        (html.escape(row["what"]), _value(row, "reached"), _sign(row) + _value(row, "bar"), _met(row))
        for row in plots.bench_record("layers")["rows"]
        if not row["what"].startswith("step")
    ]
    return table(("what", "reached", "asked for", "met"), rows)


def ladder() -> str:
    """From clear to fast, one kind of kernel after the other."""
    rows, before = [], 0.0
    for rung in plots.bench_record("layers")["ladder"]:
        first = rung["rung"] == "clear"
        taken = 1e3 * rung["seconds"]
        gain = "" if first else f"{100 * (1 - taken / before):+.0f} %"
        rows.append((f"{rung['design']}, {rung['rung']}", f"{taken:.1f}", gain, f"{rung['peak']:.0f}"))
        before = taken
    return table(("kernels", "ms, 4 x 128", "sooner by", "peak MB, 6 x 384, 4 texts"), rows)


def compiled() -> str:
    """What torch.compile costs before the first step; what it gains is among the steps."""
    rows = [
        (f"{design}, 4 x 128", f"{first:.0f} s") for design, first in plots.bench_record("layers")["compile"].items()
    ]
    return table(("kernels compiled", "before the first step"), rows)


def where() -> str:
    """The machine, the libraries and the shapes."""
    record = plots.bench_record("layers")
    machine = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    shapes = "; ".join(f"{name}: {shape}" for name, shape in record["shapes"].items())
    line = f"{machine['processor']}, {record['measured']}, Python {machine['python']}; {versions}. {shapes}"
    return f'<div class="measured-on">{html.escape(line)}</div>'


def _compared(chosen: Iterable[dict[str, Any]]) -> str:
    shapes = list(plots.bench_record("layers")["shapes"])
    ordered = sorted(chosen, key=lambda row: next(place for place, name in enumerate(shapes) if name in row["what"]))
    rows = [
        (
            html.escape(row["what"].removeprefix("step, ")),
            _milliseconds(row["ours"]),
            _milliseconds(row["peer"]),
            _value(row, "reached"),
            _sign(row) + _value(row, "bar"),
            _met(row),
        )
        for row in ordered
    ]
    drawn = bars(
        [(shape, [_contest(row) for row in ordered if shape in row["what"]]) for shape in shapes],
        unit=" ×",
        label="How many times as fast as each peer",
        line_at=(1.0, "the peer"),
    )
    names = ("shape, ours against the peer", "ours, ms", "peer, ms", "times as fast", "asked for", "met")
    return drawn + table(names, rows)


def _contest(row: dict[str, Any]) -> tuple[str, float]:
    """Who ran against whom, in few words: "fast : torch.nn"."""
    ours, _, peer = row["what"].rpartition(" against ")
    return f"{ours.rpartition(' ')[2]} : {peer}", row["reached"]


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.0f}" if seconds >= 0.1 else f"{1e3 * seconds:.1f}"


def _value(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:.3g} ×" if row["unit"] == "x" else html.escape(f"{row[key]:.3g} {row['unit']}")


def _sign(row: dict[str, Any]) -> str:
    return "≤ " if row.get("at_most") else "≥ "


def _met(row: dict[str, Any]) -> str:
    return "yes" if row["met"] else "no"
