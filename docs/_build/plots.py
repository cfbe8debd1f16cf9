"""Plots whose every point is computed from a recorded run or from the packages themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from drawing import box, circle, line, svg, words

RECORDED = Path(__file__).parents[1] / "recorded"
Points = list[tuple[float, float]]


def bench_record(package: str) -> dict[str, Any]:
    """What `nox -s bench` measured of one package, "tokenizer" or "layers".

    Raises:
        ValueError: Nothing has been recorded yet.
    """
    path = RECORDED / f"{package}-bench.json"
    if not path.is_file():
        raise ValueError(f"there is no {path.name}: run `nox -s bench -- {package} --record docs/recorded/{path.name}`")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def loss_curve(name: str) -> str:
    """Training and validation loss of a recorded run, against the step."""
    records = [json.loads(text) for text in (RECORDED / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    series: dict[str, Points] = {"training": [], "validation": []}
    for record in records:
        if "step" not in record:
            continue
        for key, value in (("training", record.get("loss")), ("validation", record.get("validation_loss"))):
            if value is not None:
                series[key].append((float(record["step"]), float(value)))
    shown = {key: thin(points) for key, points in series.items() if points}
    return chart(shown, across="step", up="loss (nats per token)", label="The loss falls as training goes on")


def thin(points: Points, count: int = 240) -> Points:
    """At most about `count` points, each the mean of its neighbors: a curve that a page can carry."""
    size = max(1, len(points) // count)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def schedule() -> str:
    """The learning rate of a run of a thousand steps, by both schedules."""
    from llm_train.reference import warmup_cosine, warmup_stable_decay

    given, steps = (3e-3, 3e-4, 100, 1000), range(0, 1001, 5)
    curves = {
        "warm-up, stable, decay": [(float(step), warmup_stable_decay(step, *given, 600)) for step in steps],
        "warm-up, cosine": [(float(step), warmup_cosine(step, *given)) for step in steps],
    }
    return chart(curves, across="step", up="learning rate", label="Warm-up, then one of two ways down")


def temperatures() -> str:
    """The same five scores at three temperatures."""
    from llm_generate.reference import temperature

    logits, parts = [2.0, 1.2, 0.5, 0.1, -1.0], []
    for place, value in enumerate((0.5, 1.0, 2.0)):
        left = 20 + 190 * place
        parts.append(words(left + 75, 150, f"temperature {value:g}", style="small"))
        for index, share in enumerate(_floats(temperature, logits, value)):
            x, high = left + 30 * index, 104 * share
            parts.append(box(x, 130 - high, 22, high, style="bar", radius=3))
            parts.append(words(x + 11, 120 - high, f"{share:.0%}", style="tick"))
    return svg(590, 164, parts, label="Low temperature sharpens, high temperature flattens")


def rotary_clocks() -> str:
    """Four positions, three pairs of numbers: each pair rotates at its own frequency."""
    parts = [words(64 + 96 * position, 12, f"position {position}", style="tick") for position in range(5)]
    for pair in range(3):
        frequency = 10000.0 ** (-pair / 6)
        y = 54 + 74 * pair
        for position in range(5):
            x, angle = 64 + 96 * position, position * frequency
            parts.append(circle(x, y, 27, style="dial"))
            tip = (x + 24 * math.cos(angle), y - 24 * math.sin(angle))
            parts += [line([(x, y), tip], style=f"hand pair-{pair}"), circle(*tip, 3.2, style=f"dot pair-{pair}")]
    return svg(512, 240, parts, label="Rotary positions: every pair is a hand of a clock with its own frequency")


def rotary_scalings() -> str:
    """What is left of each pair's frequency when a model is to read texts eight times as long."""
    from llm_layers.reference import inverse_frequencies, linear_scaling, llama3_scaling, yarn_scaling

    base, factor, trained = 10000.0, 8.0, 4096.0
    frequencies = inverse_frequencies(64, base)
    scaled = {
        "linear": linear_scaling(frequencies, factor),
        "Llama 3": llama3_scaling(frequencies, factor, 1.0, 4.0, trained),
        "YaRN": yarn_scaling(frequencies, base, factor, trained, 32.0, 1.0),
    }
    curves = {
        name: [(float(pair), float(share)) for pair, share in enumerate(some / frequencies)]
        for name, some in scaled.items()
    }
    label = "Linear scaling slows every pair, Llama 3 and YaRN only the slow ones"
    return chart(
        curves, across="pair, from the fastest to the slowest", up="fraction of the frequency that is left", label=label
    )


def causal_mask(sentence: str = "To be , or not") -> str:
    """Which earlier tokens each token may look at."""
    from llm_layers import reference

    places = np.arange(len(sentence.split()))
    return _mask(sentence, reference.causal_mask(places, places), "A token sees itself and the past")


def sliding_window(sentence: str = "To be , or not to be", window: int = 3) -> str:
    """Which earlier tokens each token may look at when it sees only the nearest ones."""
    from llm_layers import reference

    places = np.arange(len(sentence.split()))
    seen = reference.sliding_window_mask(places, places, window)
    return _mask(sentence, seen, f"A token sees itself and the {window - 1} before it")


def _mask(sentence: str, seen: np.ndarray, label: str) -> str:
    tokens, size = sentence.split(), 34
    left = 70
    parts = [
        words(left + size * (i + 0.5), 18, token, style="tick axis-key_position") for i, token in enumerate(tokens)
    ]
    for row, token in enumerate(tokens):
        y = 34 + size * row
        parts.append(words(left - 10, y + size / 2, token, style="tick axis-query_position", anchor="end"))
        for column in range(len(tokens)):
            style = "may" if seen[row, column] else "must-not"
            parts.append(box(left + size * column + 2, y + 2, size - 4, size - 4, style=style, radius=5))
    return svg(
        left + size * len(tokens) + 10,
        44 + size * len(tokens),
        parts,
        label=label,
        style="small-figure",
    )


def chart(series: dict[str, Points], *, across: str, up: str, label: str, marks: dict[float, str] | None = None) -> str:
    """Curves in one frame, each named at its end; `marks` are the names of places along the x axis."""
    width, height, left, right, top, bottom = 640, 314, 56, 96, 32, 46
    every = [point for points in series.values() for point in points]
    x_low, x_high = min(x for x, _ in every), max(x for x, _ in every)
    y_marks = ticks(min(y for _, y in every), max(y for _, y in every))
    y_low, y_high = y_marks[0], y_marks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + (x - x_low) / ((x_high - x_low) or 1) * (width - left - right),
            height - bottom - (y - y_low) / ((y_high - y_low) or 1) * (height - top - bottom),
        )

    parts = [
        words(left - 44, 9, up, style="tick", anchor="start"),
        words((left + width - right) / 2, height - 7, across, style="tick"),
    ]
    for mark in y_marks:
        x, y = place(x_low, mark)
        parts += [
            line([(x, y), (width - right, y)], style="grid"),
            words(x - 8, y, f"{mark:.4g}", style="tick", anchor="end"),
        ]
    named = (marks or {mark: f"{mark:,.0f}" for mark in ticks(x_low, x_high)}).items()
    for number, (mark, name) in enumerate((mark, name) for mark, name in named if x_low <= mark <= x_high):
        style = "tick other" if number % 2 else "tick"  # every other name gives way on a phone
        parts.append(words(place(mark, y_low)[0], height - bottom + 18, name, style=style))
    ends = {}
    for index, (name, points) in enumerate(series.items()):
        placed = [place(*point) for point in points]
        parts.append(line(placed, style=f"curve curve-{index}"))
        if len(series) > 1:
            ends[index, name] = placed[-1]
    for (index, name), y in spread({key: end[1] for key, end in ends.items()}, 16).items():
        style = f"curve-name curve-{index}"
        parts.append(words(ends[index, name][0] + 8, y, name, style=style, anchor="start"))
    return svg(width, height, parts, label=label, style="chart")


def spread(heights: dict[tuple[int, str], float], least: float) -> dict[tuple[int, str], float]:
    """Move labels that would cover each other apart, keeping their order from top to bottom."""
    order = sorted(heights, key=lambda key: heights[key])
    placed = dict(heights)
    # Several rounds: making room for the label below may push against the one above. Each round halves what is left.
    for above, below in list(pairwise(order)) * 8:
        lacking = least - (placed[below] - placed[above])
        if lacking > 0:
            placed[above] -= lacking / 2
            placed[below] += lacking / 2
    return placed


def ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose a range: four to eight of them."""
    step = 10.0 ** math.floor(math.log10((high - low) or 1.0))
    for factor in (1.0, 0.5, 0.2):
        if (high - low) / (step * factor) >= 3:
            step *= factor
            break
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * index, 12) for index in range(first, last + 1)]


def _floats(function: Callable[..., object], logits: Sequence[float], value: float) -> list[float]:
    import numpy as np

    return [float(number) for number in np.asarray(function(np.array(logits), value)).reshape(-1)]
