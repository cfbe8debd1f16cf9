"""The loss curve of a run, as SVG and PNG. matplotlib is an extra: without it a run has no picture."""

import math
from pathlib import Path
from typing import Any

from llm_train.runs.metrics import read_metrics

INK, PAPER, TRAIN, VALIDATION = "#22272e", "#ffffff", "#8fb3d9", "#c2410c"


def plot_loss(metrics: Path, *, tokens_per_byte: float, title: str, svg: Path, png: Path) -> None:
    """Draw training and validation loss over the steps, with bits per byte on the right axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = list(read_metrics(metrics))
    train = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    validation = [(row["step"], row["validation_loss"]) for row in rows if "validation_loss" in row]
    if not train:
        return
    figure = Figure(figsize=(8, 4.5), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps, losses = zip(*train, strict=True)
    axes.plot(steps, losses, color=TRAIN, linewidth=0.6, alpha=0.55)
    axes.plot(steps, smoothed(losses), color=TRAIN, linewidth=2, label="training (smoothed)")
    if validation:
        at, values = zip(*validation, strict=True)
        axes.plot(at, values, color=VALIDATION, linewidth=1.6, marker="o", markersize=4, label="validation")
        axes.annotate(
            f"{values[-1] * tokens_per_byte / math.log(2):.3f} bits per byte", (at[-1], values[-1]),
            xytext=(-6, 14), textcoords="offset points", ha="right", color=VALIDATION, fontsize=10,
        )  # fmt: skip
    _decorate(axes, title, losses, tokens_per_byte)
    figure.savefig(svg, metadata={"Date": None})  # the same run gives the same file
    figure.savefig(png, dpi=160)


def smoothed(values: tuple[float, ...]) -> list[float]:
    """Return the exponential moving average over about a fiftieth of the length, corrected for its start at 0."""
    keep = 1 - 1 / max(1.0, len(values) / 50)
    mean, weight, result = 0.0, 0.0, []
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        result.append(mean / weight)
    return result


def _decorate(axes: Any, title: str, losses: tuple[float, ...], tokens_per_byte: float) -> None:
    """Add labels with units, a light grid, and the second axis."""
    title = title.encode("utf-8", "replace").decode()  # a folder's name need not be UTF-8
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=12, parse_math=False)
    axes.set_xlabel("step (weight updates)", color=INK)
    axes.set_ylabel("loss (nats per token)", color=INK)
    axes.set_xlim(0, None)
    axes.set_ylim(math.floor(min(losses) * 4) / 4, max(losses))
    axes.grid(color=INK, alpha=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    axes.legend(frameon=False, labelcolor=INK)
    bits_per_nat = tokens_per_byte / math.log(2)
    right = axes.secondary_yaxis(
        "right", functions=(lambda nats: nats * bits_per_nat, lambda bits: bits / bits_per_nat)
    )
    right.set_ylabel("bits per byte", color=INK)
    right.tick_params(colors=INK)
    right.spines["right"].set_visible(False)
