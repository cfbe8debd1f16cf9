"""Line charts as SVG in HTML: no script, no library, readable at any width, in light and dark and on paper.

The curves are an SVG that stretches with the page (strokes keep their width); the words around it are HTML, so that
they keep their size. Colors come from the page's stylesheet.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llm_train.reports.history import Points, thinned

SIDE = 1000
"""Units along each side of a chart; it is stretched to the place that it gets."""
MOST_POINTS = 320
"""Points of a curve: more cannot be told apart, and a page has to stay small."""
TABLE_ROWS = 9
"""Values of a curve in the table that says the same in words."""

Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One line of a chart."""

    label: str
    points: Points
    color: int = 0
    """Which of the stylesheet's colors, counted from 0."""
    dots: bool = False
    faint: bool = False
    """In the background: without a place in the legend and the table."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Several curves over one axis."""

    title: str
    x: str
    y: str
    curves: Sequence[Curve]
    logarithmic: bool = False
    note: str = ""
    tall: bool = False

    def html(self) -> str:
        """Return the chart as a figure: title, legend, curves, and the values as a table to unfold."""
        curves = [curve for curve in self.curves if curve.points]
        if not curves:
            return ""
        every = [point for curve in curves for point in curve.points]
        height = math.log10 if self.logarithmic else float
        if self.logarithmic and min(y for _, y in every) <= 0:
            height = float
        x_ticks = ticks(min(x for x, _ in every), max(x for x, _ in every), 5)
        y_ticks = _log_ticks(every) if height is math.log10 else ticks(*_tight(curves), 5)
        left, right = x_ticks[0], max(x for x, _ in every) if x_ticks[0] < max(x for x, _ in every) else x_ticks[-1]
        low, high = height(y_ticks[0]), height(y_ticks[-1])

        def place(x: float, y: float) -> tuple[float, float]:
            return (x - left) / (right - left) * SIDE, SIDE - (height(y) - low) / (high - low) * SIDE

        levels = [(place(left, y)[1], compact(y)) for y in y_ticks]
        columns = [(place(x, y_ticks[0])[0], compact(x)) for x in x_ticks if x <= right]
        return (
            f'<figure class="chart{" tall" if self.tall else ""}"><figcaption><b>{html.escape(self.title)}</b>'
            f'<span class="unit">{html.escape(self.y)}</span>{_legend(curves)}</figcaption>'
            f'<div class="frame" role="img" aria-label="{html.escape(self._words(curves), quote=True)}">'
            f'<div class="levels">{_labels(levels, "top")}</div>'
            f'<svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" aria-hidden="true">'
            f"{_grid(levels)}{''.join(_path(curve, place) for curve in curves)}</svg>"
            f'<div class="columns">{_labels(columns, "left")}</div></div>'
            f'<p class="axis">{html.escape(self.x)}</p>'
            f"{f'<p class=note>{html.escape(self.note)}</p>' if self.note else ''}{self._table(curves)}</figure>"
        )

    def _words(self, curves: Sequence[Curve]) -> str:
        """Return what the chart shows, for those who cannot see it."""
        parts = [
            f"{curve.label} from {compact(curve.points[0][1])} to {compact(curve.points[-1][1])}"
            for curve in curves if not curve.faint
        ]  # fmt: skip
        return f"{self.title}, {self.y}, over {self.x}: {'; '.join(parts)}. The table below has the values."

    def _table(self, curves: Sequence[Curve]) -> str:
        """Return some values of each curve, evenly spread, as tables that are folded away."""
        parts = []
        for curve in (curve for curve in curves if not curve.faint):
            points = curve.points
            chosen = sorted({round(k * (len(points) - 1) / (TABLE_ROWS - 1)) for k in range(TABLE_ROWS)})
            rows = "".join(f"<tr><td>{exact(points[k][0])}</td><td>{exact(points[k][1])}</td></tr>" for k in chosen)
            head = f'<tr><th scope="col">{html.escape(self.x)}</th><th scope="col">{html.escape(self.y)}</th></tr>'
            parts.append(f"<table><caption>{html.escape(curve.label)}</caption>{head}{rows}</table>")
        return f"<details><summary>Values</summary><div class=tables>{''.join(parts)}</div></details>"


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round numbers, the first at or below `low` and the last at or above `high`."""
    if not high > low:
        low, high = low - max(abs(low) * 0.05, 0.5), high + max(abs(high) * 0.05, 0.5)
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def compact(value: float) -> str:
    """Write a number in at most about five characters: `1.5k`, `3.2M`, `0.012`, `2e-05`."""
    for limit, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.9995:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"


def exact(value: float) -> str:
    """Write a number for a table: whole ones in full, others with five digits that count."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.5g}"


def _tight(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the range of the values. The first twentieth of a long curve may leave the chart at the top.

    The first losses are far above all others; with them in full, everything that matters would be one flat line.
    """
    low = min(y for curve in curves for _, y in curve.points)
    high = max(y for curve in curves for _, y in curve.points)
    later = max(y for curve in curves for _, y in curve.points[len(curve.points) // 20 :])
    return low, later + 0.15 * (later - low) if high - low > 1.6 * (later - low) > 0 else high


def _log_ticks(points: Points) -> list[float]:
    """Return powers of ten around the values, with twos and fives where they span no more than two powers."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first > 2:
        every = math.ceil((last - first) / 5)
        return [10.0**power for power in range(first, last + every, every)]
    fine = [factor * 10.0**power for power in range(first, last + 2) for factor in (1, 2, 5)]
    below = max(tick for tick in fine if tick <= low * (1 + 1e-9))
    above = min(tick for tick in fine if tick >= high and tick > below)
    return [tick for tick in fine if below <= tick <= above]


def _labels(places: Sequence[tuple[float, str]], side: str) -> str:
    return "".join(f'<span style="{side}:{place / SIDE:.2%}">{text}</span>' for place, text in places)


def _grid(levels: Sequence[tuple[float, str]]) -> str:
    return "".join(f'<path class="grid" d="M0 {y:.0f}H{SIDE}"/>' for y, _ in levels)


def _path(curve: Curve, place: Place) -> str:
    points = [place(*point) for point in thinned(curve.points, MOST_POINTS)]
    style = f"c{curve.color}{' faint' if curve.faint else ''}"
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    path = f'<path class="{style}" d="M{line}"/>' if len(points) > 1 else ""
    if curve.dots or len(points) == 1:  # a line of no length with round ends is a dot, however the chart is stretched
        path += f'<path class="{style} dots" d="{"".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)}"/>'
    return path


def _legend(curves: Sequence[Curve]) -> str:
    named = [curve for curve in curves if not curve.faint]
    if len(named) < 2:
        return ""
    entries = (f'<li class="c{curve.color}">{html.escape(curve.label)}</li>' for curve in named)
    return f'<ul class="legend">{"".join(entries)}</ul>'
