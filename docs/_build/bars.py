"""Lengths to be compared by eye: horizontal bars, in groups, with a line at what all are measured by."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from drawing import box, line, svg, words

Bars = Sequence[tuple[str, float]]

WIDTH, LEFT, RIGHT, TOP = 640, 160, 206, 26
THICK, GAP, BETWEEN = 15, 3, 12


def bars(
    groups: Sequence[tuple[str, Bars]],
    *,
    unit: str,
    label: str,
    pale: Collection[str] = (),
    line_at: tuple[float, str] | None = None,
) -> str:
    """Each group is a name and its bars, each with a name and a number; those whose name is in `pale` step back."""
    longest = max(value for _, group in groups for _, value in group)
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts, y = [], float(TOP)
    for name, group in groups:
        height = len(group) * (THICK + GAP) - GAP
        parts.append(words(LEFT - 10, y + height / 2, name, style="tick", anchor="end"))
        for who, value in group:
            parts.append(box(LEFT, y, scale * value, THICK, style="bar soft" if who in pale else "bar", radius=3))
            end = scale * max(value, line_at[0] if line_at else 0.0)  # words do not lie under the line
            parts.append(words(LEFT + end + 6, y + THICK / 2, f"{value:.3g}{unit} {who}", style="tick", anchor="start"))
            y += THICK + GAP
        y += BETWEEN - GAP
    if line_at is not None:
        place, name = LEFT + scale * line_at[0], line_at[1]
        parts.append(line([(place, TOP - 6), (place, y - BETWEEN + 4)], style="line"))
        parts.append(words(place, 10, name, style="tick"))
    return svg(WIDTH, y, parts, label=label)
