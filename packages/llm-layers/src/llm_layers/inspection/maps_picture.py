"""Attention maps as a picture: one head large with its tokens, or all heads small, side by side."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from llm_layers.inspection.picture import box, path, picture, words
from llm_layers.interface import LayersError

SHOWN = 0.002
"""A smaller share is not drawn: it could not be seen, and a long text would make a large file."""


def attention_picture(
    maps: Sequence[Tensor], labels: Sequence[str], *, layer: int | None = None, head: int | None = None
) -> str:
    """Draw attention maps as SVG: rows are the positions that look, columns those that are looked at.

    Args:
        maps: from `attention_maps`.
        labels: one a position.
        layer: only this block; None draws all.
        head: only this head, with the tokens beside it.

    Raises:
        LayersError: for a layer or head that is not there.
    """
    check_choice(maps, layer, head)
    if layer is not None and head is not None:
        return _one(maps[layer][head], labels, f"layer {layer}, head {head}")
    return _all([maps[layer]] if layer is not None else maps, labels, layer or 0, head)


def check_choice(maps: Sequence[Tensor], layer: int | None, head: int | None) -> None:
    """Refuse a layer or a head that is not there."""
    for name, chosen, count in (("layer", layer, len(maps)), ("head", head, len(maps[0]))):
        if chosen is not None and not 0 <= chosen < count:
            raise LayersError(f"{name} must lie between 0 and {count - 1}, but was {chosen}")


def _one(shares: Tensor, labels: Sequence[str], title: str) -> str:
    size = 22.0 if len(labels) <= 40 else 880 / len(labels)
    short = [label if len(label) <= 14 else f"{label[:13]}…" for label in labels]
    left = top = 24 + 7.2 * max(map(len, short))
    side = size * len(labels)
    parts = [words(12, 14, title, size=13)]
    for place, label in enumerate(short):
        middle = size * (place + 0.5)
        parts.append(words(left - 6, top + 16 + middle, label, anchor="end"))
        parts.append(words(left + middle, top + 10, label, turn=-90))
    parts += _cells(shares, left, top + 16, size, labels)
    parts.append(_frame(left, top + 16, side))
    return picture(left + side + 16, top + side + 32, parts, label=f"attention of {title}")


def _all(maps: Sequence[Tensor], labels: Sequence[str], first: int, head: int | None) -> str:
    heads = list(range(len(maps[0]))) if head is None else [head]
    size = max(1.5, min(6.0, 120 / len(labels)))
    side = size * len(labels)
    parts = [
        words(56 + (side + 14) * n + side / 2, 20, f"head {h}", style="soft", anchor="middle")
        for n, h in enumerate(heads)
    ]
    for row, shares in enumerate(maps):
        y = 34 + (side + 14) * row
        parts.append(words(46, y + side / 2, f"layer {first + row}", style="soft", anchor="end", size=10))
        for column, number in enumerate(heads):
            x = 56 + (side + 14) * column
            parts += _cells(shares[number], x, y, size, None)
            parts.append(_frame(x, y, side))
    width, height = 56 + (side + 14) * len(heads), 34 + (side + 14) * len(maps)
    return picture(max(width, 120), height, parts, label="attention of all heads")


def _cells(shares: Tensor, left: float, top: float, size: float, labels: Sequence[str] | None) -> list[str]:
    cells = []
    for query, row in enumerate(shares.tolist()):
        for key, share in enumerate(row):
            if share >= SHOWN:
                title = f"{labels[query]} → {labels[key]}: {share:.4f}" if labels is not None else ""
                x, y = left + size * key, top + size * query
                cells.append(box(x, y, size, size, style="share", opacity=share, title=title))
    return cells


def _frame(x: float, y: float, side: float) -> str:
    return path([(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)], style="rule")


def attention_bitmap(
    file: Path, maps: Sequence[Tensor], labels: Sequence[str], *, layer: int | None = None, head: int | None = None
) -> None:
    """Write the same picture as PNG, with matplotlib.

    Raises:
        LayersError: when matplotlib is not installed, or for a layer or head that is not there.
    """
    check_choice(maps, layer, head)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise LayersError(
            "matplotlib must be installed for a .png, but is not: pip install matplotlib, or write an .svg or .html"
        ) from None
    layers = list(range(len(maps))) if layer is None else [layer]
    heads = list(range(len(maps[0]))) if head is None else [head]
    single = len(layers) == len(heads) == 1
    figure = Figure(figsize=(7, 7) if single else (1.6 * len(heads) + 1, 1.6 * len(layers) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(layers), len(heads), squeeze=False)
    for row, number in enumerate(layers):
        for column, which in enumerate(heads):
            axes = grid[row][column]
            axes.imshow(maps[number][which].numpy(), cmap="Blues", vmin=0, vmax=1)
            axes.set_title(f"layer {number}, head {which}", fontsize=8)
            axes.set_xticks(range(len(labels)) if single else [], labels if single else [], rotation=90, fontsize=7)
            axes.set_yticks(range(len(labels)) if single else [], labels if single else [], fontsize=7)
    figure.savefig(file, dpi=160)
