"""The sizes of a model's numbers as a picture: outputs and gradients over the depth, on a logarithmic scale."""

import math
from collections.abc import Sequence

from llm_layers.inspection.flow import layer_and_part
from llm_layers.inspection.issues import Issue
from llm_layers.inspection.picture import box, path, picture, words
from llm_layers.inspection.statistics import Measured, Statistics

PARTS = ("attention.output", "feed_forward.output")
WIDTH, HEIGHT, LEFT, TOP = 640.0, 190.0, 64.0, 46.0


def statistics_picture(statistics: Statistics, found: Sequence[Issue] = ()) -> str:
    """Draw the root mean square by layer: of the stream and of both branches, forward above, backward below.

    Args:
        statistics: what was measured.
        found: ailments, written below.
    """
    forward = _curves(statistics.outputs)
    backward = _curves(statistics.gradients)
    parts = _panel(forward, TOP, "outputs, root mean square")
    parts += _panel(backward, TOP + HEIGHT + 62, "gradients of the loss there, root mean square")
    parts += _legend(14.0)
    bottom = TOP + 2 * (HEIGHT + 62)
    for number, issue in enumerate(found):
        parts.append(words(LEFT, bottom + 8 + 16 * number, f"{issue.name}: {issue.where}", style="bad"))
    size = WIDTH + LEFT + 24, bottom + 16 * len(found) + 8
    return picture(*size, parts, label="sizes of outputs and gradients by layer")


def _curves(parts: dict[str, Measured]) -> dict[str, list[tuple[int, float]]]:
    """Sort the sizes into curves: name -> (layer, rms)."""
    curves: dict[str, list[tuple[int, float]]] = {"stream": [], **{part: [] for part in PARTS}}
    for name, part in parts.items():
        layer, kind = layer_and_part(name)
        kind = "stream" if kind in ("resid_pre", "resid_post") else kind
        if kind in curves:
            last = 1 + max((number for number, _ in curves[kind]), default=-1)
            curves[kind].append((last if layer is None else layer, part.spread.rms))
    return curves


def _panel(curves: dict[str, list[tuple[int, float]]], top: float, title: str) -> list[str]:
    sizes = [size for curve in curves.values() for _, size in curve if size > 0]
    low = math.floor(math.log10(min(sizes, default=1.0)))
    high = max(low + 1, math.ceil(math.log10(max(sizes, default=1.0))))
    layers = max((layer for curve in curves.values() for layer, _ in curve), default=1) or 1
    parts = [words(LEFT, top - 14, title, size=12)]
    marks = range(low, high + 1, max(1, (high - low) // 6))
    for power in marks:
        y = top + HEIGHT * (high - power) / (high - low)
        parts.append(path([(LEFT, y), (LEFT + WIDTH, y)], style="rule"))
        parts.append(words(LEFT - 8, y, _power(power), style="soft", anchor="end"))
    for layer in range(0, layers + 1, max(1, layers // 12)):
        x = LEFT + WIDTH * layer / layers
        label = "end" if layer == layers else str(layer)
        parts.append(words(x, top + HEIGHT + 14, label, style="soft", anchor="middle"))
    for name, style in (("stream", "line"), *zip(PARTS, ("other", "third"), strict=True)):
        points = [
            (LEFT + WIDTH * layer / layers, top + HEIGHT * (high - math.log10(size)) / (high - low))
            for layer, size in curves[name]
            if size > 0
        ]
        if points:
            parts.append(path(points, style=style))
            fill = {"line": "share", "other": "other-fill", "third": "third-fill"}[style]
            parts += [box(x - 2.5, y - 2.5, 5, 5, style=fill) for x, y in points]
    return parts


def _power(power: int) -> str:
    return f"{10.0**power:g}" if -3 <= power <= 4 else f"1e{power}"


def _legend(y: float) -> list[str]:
    parts, x = [], LEFT
    for text, style in (
        ("stream before the block", "share"),
        ("attention", "other-fill"),
        ("feed-forward", "third-fill"),
    ):
        parts += [box(x, y - 4, 8, 8, style=style), words(x + 13, y, text, style="soft")]
        x += 30 + 7 * len(text)
    return parts
