"""Attention maps, and sizes by layer, as pictures: SVG for light and dark paper, maps also as PNG."""

import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor

from llm_layers.inspection.flow import layer_and_part
from llm_layers.inspection.issues import Issue
from llm_layers.inspection.statistics import Statistics, TensorStatistics
from llm_layers.interface import LayersError

STYLE = Path(__file__).parent / "pages" / "picture.css"
SHOWN = 0.002
"""A smaller weight is not drawn: it could not be seen, and a long text would make a large file."""
CURVES = {"stream": ("line", "weight"), "attention": ("other", "other-fill"), "feed-forward": ("third", "third-fill")}
WIDTH, HEIGHT, LEFT, TOP = 640.0, 190.0, 64.0, 46.0


def attention_picture(
    maps: Sequence[Tensor], labels: Sequence[str], *, layer: int | None = None, head: int | None = None
) -> str:
    """Draw attention maps as SVG: rows are the queries, columns the keys.

    Args:
        maps: from `attention_maps`.
        labels: one for each position.
        layer: only this block; None draws all.
        head: only this head, with the tokens beside it.

    Raises:
        LayersError: for a layer or head that the model does not have.
    """
    layers, heads = _chosen(maps, layer, head)
    if len(layers) == len(heads) == 1:
        return _one(maps[layers[0]][heads[0]], labels, f"layer {layers[0]}, head {heads[0]}")
    size = max(1.5, min(6.0, 120 / len(labels)))
    side = size * len(labels)
    parts = []
    for column, number in enumerate(heads):
        parts.append(words(56 + (side + 14) * column + side / 2, 20, f"head {number}", style="soft", anchor="middle"))
    for row, number in enumerate(layers):
        y = 34 + (side + 14) * row
        parts.append(words(46, y + side / 2, f"layer {number}", style="soft", anchor="end", size=10))
        for column, which in enumerate(heads):
            parts += _map(maps[number][which], 56 + (side + 14) * column, y, size)
    width, height = 56 + (side + 14) * len(heads), 34 + (side + 14) * len(layers)
    return _picture(max(width, 120), height, parts, "attention of all heads")


def _one(weights: Tensor, labels: Sequence[str], title: str) -> str:
    size = 22.0 if len(labels) <= 40 else 880 / len(labels)
    short = [label if len(label) <= 14 else f"{label[:13]}…" for label in labels]
    left = top = 24 + 7.2 * max(map(len, short))
    side = size * len(labels)
    parts = [words(12, 14, title, size=13)]
    for place, label in enumerate(short):
        middle = size * (place + 0.5)
        parts.append(words(left - 6, top + 16 + middle, label, anchor="end"))
        parts.append(words(left + middle, top + 10, label, rotated=-90))
    parts += _map(weights, left, top + 16, size, labels)
    return _picture(left + side + 16, top + side + 32, parts, f"attention of {title}")


def _map(weights: Tensor, left: float, top: float, size: float, labels: Sequence[str] = ()) -> Iterable[str]:
    for query, row in enumerate(weights.tolist()):
        for key, weight in enumerate(row):
            if weight >= SHOWN:
                title = f"{labels[query]} → {labels[key]}: {weight:.4f}" if labels else ""
                yield box(left + size * key, top + size * query, size, style="weight", opacity=weight, title=title)
    right, bottom = left + size * len(weights), top + size * len(weights)
    yield path([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], style="rule")


def attention_bitmap(
    file: Path, maps: Sequence[Tensor], labels: Sequence[str], *, layer: int | None = None, head: int | None = None
) -> None:
    """Write the same picture as PNG, with matplotlib.

    Raises:
        LayersError: when matplotlib is not installed, or for a layer or head that the model does not have.
    """
    layers, heads = _chosen(maps, layer, head)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise LayersError(
            "matplotlib must be installed for a .png, but is not: pip install matplotlib, or write an .svg or .html"
        ) from None
    ticks = labels if len(layers) == len(heads) == 1 else []
    figure = Figure(figsize=(7, 7) if ticks else (1.6 * len(heads) + 1, 1.6 * len(layers) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(layers), len(heads), squeeze=False)
    for row, number in enumerate(layers):
        for column, which in enumerate(heads):
            axes = grid[row][column]
            axes.imshow(maps[number][which].numpy(), cmap="Blues", vmin=0, vmax=1)
            axes.set_title(f"layer {number}, head {which}", fontsize=8)
            axes.set_xticks(range(len(ticks)), ticks, rotation=90, fontsize=7)
            axes.set_yticks(range(len(ticks)), ticks, fontsize=7)
    figure.savefig(file, dpi=160)


def _chosen(maps: Sequence[Tensor], layer: int | None, head: int | None) -> tuple[list[int], list[int]]:
    for name, one, count in (("layer", layer, len(maps)), ("head", head, len(maps[0]))):
        if one is not None and not 0 <= one < count:
            raise LayersError(f"{name} must be between 0 and {count - 1}, but was {one}")
    return [*range(len(maps))] if layer is None else [layer], [*range(len(maps[0]))] if head is None else [head]


def statistics_picture(statistics: Statistics, found: Sequence[Issue] = ()) -> str:
    """Draw the root mean square by layer: of the residual stream and of both branches, forward above, backward below.

    Args:
        statistics: what was measured.
        found: issues, written below.
    """
    parts, x = [], LEFT
    for name, (_, fill) in CURVES.items():
        parts += [box(x, 10, 8, style=fill), words(x + 13, 14, name, style="soft")]
        x += 30 + 7 * len(name)
    parts += _panel(_curves(statistics.outputs), TOP, "outputs, root mean square")
    parts += _panel(_curves(statistics.gradients), TOP + HEIGHT + 62, "gradients of the loss, root mean square")
    bottom = TOP + 2 * (HEIGHT + 62)
    for number, issue in enumerate(found):
        parts.append(words(LEFT, bottom + 8 + 16 * number, f"{issue.name}: {issue.where}", style="bad"))
    return _picture(WIDTH + LEFT + 24, bottom + 16 * len(found) + 8, parts, "sizes of outputs and gradients by layer")


def _curves(tensors: dict[str, TensorStatistics]) -> dict[str, list[tuple[int, float]]]:
    """Sort the sizes that are not zero into curves: name -> (layer, rms)."""
    kinds = dict.fromkeys(("resid_pre", "resid_post"), "stream")
    kinds |= {"attention.output": "attention", "feed_forward.output": "feed-forward"}
    curves: dict[str, list[tuple[int, float]]] = {name: [] for name in CURVES}
    last = 0
    for name, x in tensors.items():
        layer, part = layer_and_part(name)
        last = last if layer is None else layer
        if part in kinds and x.rms > 0:
            curves[kinds[part]].append((last + (part == "resid_post"), x.rms))
    return curves


def _panel(curves: dict[str, list[tuple[int, float]]], top: float, title: str) -> Iterable[str]:
    sizes = [size for curve in curves.values() for _, size in curve]
    low = math.floor(math.log10(min(sizes, default=1.0)))
    high = max(low + 1, math.ceil(math.log10(max(sizes, default=1.0))))
    layers = max((layer for curve in curves.values() for layer, _ in curve), default=1) or 1
    yield words(LEFT, top - 14, title, size=12)
    for power in range(low, high + 1, max(1, (high - low) // 6)):
        y = top + HEIGHT * (high - power) / (high - low)
        yield path([(LEFT, y), (LEFT + WIDTH, y)], style="rule")
        label = f"{10.0**power:g}" if -3 <= power <= 4 else f"1e{power}"
        yield words(LEFT - 8, y, label, style="soft", anchor="end")
    for layer in range(0, layers + 1, max(1, layers // 12)):
        label = "end" if layer == layers else str(layer)
        yield words(LEFT + WIDTH * layer / layers, top + HEIGHT + 14, label, style="soft", anchor="middle")
    for name, (style, fill) in CURVES.items():
        points = [
            (LEFT + WIDTH * layer / layers, top + HEIGHT * (high - math.log10(size)) / (high - low))
            for layer, size in curves[name]
        ]
        if points:
            yield path(points, style=style)
            yield from (box(x - 2.5, y - 2.5, 5, style=fill) for x, y in points)


def _picture(width: float, height: float, parts: Iterable[str], label: str) -> str:
    """Return a whole SVG file; `label` is what a screen reader says."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{html.escape(label)}">\n'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style>\n"
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def box(x: float, y: float, size: float, *, style: str, opacity: float = 1.0, title: str = "") -> str:
    """Return a square; pointing at it shows its title."""
    ends = f"><title>{html.escape(title)}</title></rect>" if title else "/>"
    seen = "" if opacity == 1.0 else f' fill-opacity="{opacity:.3g}"'
    return f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}"{seen}{ends}'


def words(
    x: float, y: float, text: str, *, size: float = 11, style: str = "ink", anchor: str = "start", rotated: float = 0
) -> str:
    """Return a line of text; `rotated` in degrees."""
    turned = f' transform="rotate({rotated:g} {x:g} {y:g})"' if rotated else ""
    return (
        f'<text class="{style}" x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" dy=".35em"{turned}>'
        f"{html.escape(text)}</text>"
    )


def path(points: Iterable[tuple[float, float]], *, style: str) -> str:
    """Return a line through points."""
    return f'<path class="{style}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'
