"""Attention maps, and sizes by layer, drawn with matplotlib, which is an extra: `pip install 'llm-layers[plot]'`."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from llm_layers.inspection.flow import layer_and_part
from llm_layers.inspection.issues import Issue
from llm_layers.inspection.statistics import Statistics, TensorStatistics
from llm_layers.inspection.text import shortened
from llm_layers.interface import LayersError
from llm_tokenizer.files.writing import atomic_write, write_errors_as

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = {"stream": "#2f4bd0", "attention": "#b4461a", "feed-forward": "#0f7a4f"}


def attention_picture(
    maps: Sequence[Tensor], labels: Sequence[str], *, layer: int | None = None, head: int | None = None
) -> Figure:
    """Draw attention maps: rows are the queries, columns the keys.

    Args:
        maps: from `attention_maps`.
        labels: one for each position.
        layer: only this block; None draws all.
        head: only this head, with the tokens beside it.

    Raises:
        LayersError: for a layer or head that the model does not have, or when matplotlib is not installed.
    """
    layers, heads = _chosen(layer, len(maps), "layer"), _chosen(head, len(maps[0]), "head")
    ticks = [shortened(label, 14) for label in labels] if len(layers) == len(heads) == 1 else []
    side = max(7.0, 0.2 * len(ticks))
    figure = _figure(side if ticks else 1.6 * len(heads) + 1, side if ticks else 1.6 * len(layers) + 1)
    grid = figure.subplots(len(layers), len(heads), squeeze=False)
    for row, number in enumerate(layers):
        for column, which in enumerate(heads):
            axes = grid[row][column]
            axes.imshow(maps[number][which].numpy(), cmap="Blues", vmin=0, vmax=1)
            axes.set_title(f"layer {number}, head {which}", fontsize=8)
            axes.set_xticks(range(len(ticks)), ticks, rotation=90, fontsize=7, parse_math=False)
            axes.set_yticks(range(len(ticks)), ticks, fontsize=7, parse_math=False)
    return figure


def statistics_picture(statistics: Statistics, found: Sequence[Issue] = ()) -> Figure:
    """Draw the root mean square by layer: of the residual stream and of both branches, forward above, backward below.

    Args:
        statistics: what was measured.
        found: issues, written below.

    Raises:
        LayersError: when matplotlib is not installed.
    """
    figure = _figure(8, 7 + 0.2 * len(found))
    outputs, gradients = figure.subplots(2, 1, sharex=True)
    _draw_sizes(outputs, statistics.outputs, "outputs, root mean square")
    _draw_sizes(gradients, statistics.gradients, "gradients of the loss, root mean square")
    outputs.legend(frameon=False)
    gradients.set_xlabel("layer")
    gradients.xaxis.get_major_locator().set_params(integer=True)
    if found:
        figure.supxlabel("\n".join(f"{issue.name}: {issue.where}" for issue in found), color="#c83030", fontsize=9)
    return figure


def write_picture(figure: Figure, file: Path) -> None:
    """Write a picture in the form that the name of the file ends in: .svg or .png.

    Raises:
        LayersError: when the file cannot be written.
    """
    import matplotlib

    drawn = io.BytesIO()
    # In an SVG text stays text, for which the reader's own fonts serve; the same picture gives the same file.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": ""}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # one that matplotlib's font lacks is drawn as a box
        svg = file.suffix.lower() == ".svg"
        figure.savefig(drawn, format=file.suffix[1:], dpi=160, metadata={"Date": None} if svg else {})
    with write_errors_as(LayersError, file), atomic_write(file) as whole:
        whole.write(drawn.getvalue())


def require_matplotlib() -> None:
    """Raise an error if matplotlib is missing, before any work is done."""
    if find_spec("matplotlib") is None:
        raise LayersError("matplotlib must be installed for a picture, but is not: pip install matplotlib")


def _figure(width: float, height: float) -> Figure:
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _chosen(one: int | None, count: int, name: str) -> Sequence[int]:
    if one is not None and not 0 <= one < count:
        raise LayersError(f"{name} must be between 0 and {count - 1}, but was {one}")
    return range(count) if one is None else [one]


def _draw_sizes(axes: Axes, tensors: dict[str, TensorStatistics], title: str) -> None:
    """Draw the sizes of stream and branches over the layers; a size of zero has no place on a logarithmic axis."""
    kinds = dict.fromkeys(("resid_pre", "resid_post"), "stream")
    kinds |= {"attention.output": "attention", "feed_forward.output": "feed-forward"}
    points: dict[str, list[tuple[int, float]]] = {name: [] for name in CURVES}
    last = 0
    for name, x in tensors.items():
        layer, part = layer_and_part(name)
        last = last if layer is None else layer
        if part in kinds and x.rms > 0:
            points[kinds[part]].append((last + (part == "resid_post"), x.rms))
    for name, color in CURVES.items():
        layers, sizes = zip(*points[name], strict=True) if points[name] else ((), ())
        axes.plot(layers, sizes, label=name, color=color, marker="s", markersize=4)
    axes.set_yscale("log")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.2)
