"""The few SVG shapes that the site's figures are made of; colors come from the page's stylesheet."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def svg(width: float, height: float, parts: Iterable[str], *, label: str, style: str = "") -> str:
    """One inline figure; `label` is what a screen reader says."""
    body = "".join(parts)
    name = f"figure {style}".strip()
    return (
        f'<svg class="{name}" viewBox="0 0 {width:g} {height:g}" style="--width:{width:g}" role="img" '
        f'aria-label="{html.escape(label, quote=True)}" xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def box(x: float, y: float, width: float, height: float, *, style: str = "", radius: float = 8) -> str:
    """A rectangle with round corners."""
    return f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>'


def words(x: float, y: float, text: str, *, style: str = "", anchor: str = "middle") -> str:
    """A line of text, its middle at the given point."""
    escaped = html.escape(text)
    return f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}" dy=".35em">{escaped}</text>'


def arrow(x1: float, y1: float, x2: float, y2: float, *, style: str = "arrow") -> str:
    """A straight arrow, along one axis."""
    horizontal = abs(x2 - x1) >= abs(y2 - y1)
    sign = 1 if (x2 - x1 if horizontal else y2 - y1) > 0 else -1
    wings = (-7 * sign, -4, -7 * sign, 4) if horizontal else (-4, -7 * sign, 4, -7 * sign)
    head = f"M{x2 + wings[0]:g} {y2 + wings[1]:g}L{x2:g} {y2:g}L{x2 + wings[2]:g} {y2 + wings[3]:g}"
    return f'<path class="{style}" d="M{x1:g} {y1:g}L{x2:g} {y2:g}{head}"/>'


def line(points: Sequence[tuple[float, float]], *, style: str = "line") -> str:
    """A line through points."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="{style}" d="M{path}"/>'


def circle(x: float, y: float, radius: float, *, style: str = "") -> str:
    """A circle around a point."""
    return f'<circle class="{style}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'
