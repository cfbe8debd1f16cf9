"""Drawings of the layers' chapters, all of their running example.

The example is defined once, on the tutorial's page about embeddings; the drawings read it there.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from drawing import arrow, box, svg, words
from examples import ROOT, read_examples
from vocabulary_figures import table

from llm_layers.spec.alternatives import ALTERNATIVES

PAGE = ROOT / "docs" / "tutorial" / "vectors.md"
FILE = "example.py"
WIDE, HIGH = 32, 25


@functools.cache
def running_example() -> tuple[list[str], list[int], np.ndarray]:
    """The words, the ids and the table that the chapters use."""
    namespace: dict[str, Any] = {}
    for example in read_examples(PAGE.read_text(encoding="utf-8")):
        if example.file == FILE:
            exec(compile(example.code, FILE, "exec"), namespace)
            return namespace["words"], namespace["ids"].tolist(), namespace["table"].double().numpy()
    raise ValueError(f"{PAGE} must hold a block with the title {FILE}: the drawings read the example there.")


def _row(x: float, y: float, numbers: Sequence[float], style: str | Sequence[str]) -> list[str]:
    """Numbers in boxes side by side."""
    parts = []
    for place, number in enumerate(numbers):
        own = style if isinstance(style, str) else style[place]
        parts.append(box(x + WIDE * place, y, WIDE - 3, HIGH - 3, style=f"cell {own}", radius=4))
        text = f"{number:g}".replace("-", "−")
        parts.append(words(x + WIDE * place + (WIDE - 3) / 2, y + (HIGH - 3) / 2, text, style="number"))
    return parts


def lookup() -> str:
    """Ids pick rows of the table."""
    vocabulary, ids, table = running_example()
    left, right, top = 66, 254, 46
    width = WIDE * table.shape[1]
    parts = [
        words(left + width / 2, 14, "the table", style="small"),
        words(left - 14, 34, "vocab", style="tick axis-vocab", anchor="end"),
        words(left + width / 2, 34, "d_model", style="tick axis-d_model"),
        words(right + 60 + width / 2, 14, "the text", style="small"),
        words(right + 46, 34, "position", style="tick axis-position", anchor="end"),
        words(right + 60 + width / 2, 34, "d_model", style="tick axis-d_model"),
    ]
    chosen = 2  # the row that the page's formula works out
    for id, numbers in enumerate(table):
        y = top + HIGH * (id + 1)
        parts.append(words(left - 14, y + HIGH / 2 - 2, f"{vocabulary[id]} {id}", style="tick", anchor="end"))
        parts += _row(left, y, numbers, "one" if id == chosen else "")
    for place, id in enumerate(ids):
        y = top + HIGH * place
        name = f"{place}  {vocabulary[id]}"
        parts.append(words(right + 46, y + HIGH / 2 - 2, name, style="tick", anchor="end"))
        parts += _row(right + 60, y, table[id], "one" if id == chosen else "")
    y = top + HIGH * (chosen + 1.5) - 2
    parts.append(arrow(left + width + 8, y, right - 12, y))
    parts.append(words((left + width + right) / 2, y - 14, "look up", style="aside"))
    label = "Each id of the text picks its row of the table"
    return svg(right + 60 + width + 6, top + HIGH * len(ids) + 8, parts, label=label)


def heads() -> str:
    """Vectors of four numbers become two heads of two."""
    vocabulary, ids, table = running_example()
    x, left, right, top, count = table[ids], 60, 248, 46, 2
    d_head = x.shape[1] // count
    styles = ["first"] * d_head + ["second"] * d_head
    parts = [
        words(left - 10, 34, "position", style="tick axis-position", anchor="end"),
        words(left + WIDE * x.shape[1] / 2, 34, "d_model", style="tick axis-d_model"),
    ]
    for place, id in enumerate(ids):
        y = top + HIGH * place
        parts.append(words(left - 10, y + HIGH / 2 - 2, vocabulary[id], style="tick", anchor="end"))
        parts += _row(left, y, x[place], styles)
    middle = top + HIGH * len(ids) / 2
    parts.append(arrow(left + WIDE * x.shape[1] + 10, middle, right - 12, middle))
    for head in range(count):
        x0 = right + head * (WIDE * d_head + 16)
        parts.append(words(x0 + WIDE * d_head / 2, 14, f"head {head}", style="small axis-heads"))
        parts.append(words(x0 + WIDE * d_head / 2, 34, "d_head", style="tick axis-d_head"))
        for place in range(len(ids)):
            own = x[place, head * d_head : (head + 1) * d_head]
            parts += _row(x0, top + HIGH * place, own, "second" if head else "first")
    label = "The first half of each vector is head 0, the second half head 1"
    return svg(right + count * (WIDE * d_head + 16), top + HIGH * len(ids) + 8, parts, label=label)


def cache() -> str:
    """Which keys and values are kept, and which are new, while a text is written."""
    vocabulary, ids, _ = running_example()
    left, wide, high, top = 76, 44, 28, 30
    parts = [words(left + wide * len(ids) / 2, 12, "keys and values", style="tick axis-key_position")]
    for step in range(len(ids)):
        y = top + high * step
        name = f"new: {vocabulary[ids[step]]}"
        parts.append(words(left - 12, y + high / 2 - 2, name, style="tick axis-query_position", anchor="end"))
        for place in range(step + 1):
            x, style = left + wide * place, "fresh" if place == step else "kept"
            parts.append(box(x, y, wide - 4, high - 4, style=f"cell {style}", radius=5))
            parts.append(words(x + wide / 2 - 2, y + high / 2 - 2, vocabulary[ids[place]], style="tick"))
    y = top + high * len(ids) + 8
    for x, style, name in ((left, "kept", "kept"), (left + 90, "fresh", "made in this step")):
        parts.append(box(x, y, 16, 16, style=f"cell {style}", radius=4))
        parts.append(words(x + 24, y + 8, name, style="tick", anchor="start"))
    label = "Each step makes one key and one value, and reads all that were kept"
    return svg(left + wide * len(ids) + 6, y + 24, parts, label=label)


STEPS = (
    ("ids", ("batch", "position"), ""),
    ("embedding", ("batch", "position", "d_model"), "a row of the table"),
    ("queries", ("batch", "heads", "position", "d_head"), "linear, split, norm, rotate"),
    ("keys, values", ("batch", "kv_heads", "position", "d_head"), "linear, split; keys: norm, rotate"),
    ("shares", ("batch", "heads", "query_position", "key_position"), "scores, mask, softmax"),
    ("gathered", ("batch", "position", "d_model"), "merge, linear; added"),
    ("hidden", ("batch", "position", "d_ff"), "gate and up"),
    ("worked out", ("batch", "position", "d_model"), "down; added"),
    ("logits", ("batch", "position", "vocab"), "norm, head"),
)
BLOCK = (2, 7)  # each block has these steps


def decoder_shapes() -> str:
    """What flows through the model, with its axes, as a table whose axes have their colors."""
    rows = ""
    for place, (name, axes, how) in enumerate(STEPS):
        if place == BLOCK[0]:
            rows += '<tr><th colspan="3" scope="colgroup">in each block</th></tr>'
        if place == BLOCK[1] + 1:
            rows += '<tr><th colspan="3" scope="colgroup">at the end</th></tr>'
        shape = " ".join(f'<span class="axis axis-{axis}">{axis}</span>' for axis in axes)
        rows += f"<tr><td>{name}</td><td><code>{shape}</code></td><td>{how}</td></tr>"
    head = "<tr><th>what</th><th>its axes</th><th>by what</th></tr>"
    return f'<table class="measured words shapes"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def alternatives() -> str:
    """The functions with a contract that no shipped design runs, and why one would use each."""
    rows = [(f"<code>{name}</code>", html.escape(reason)) for name, reason in ALTERNATIVES.items()]
    return table(("function", "why one would use it"), rows, words=True)
