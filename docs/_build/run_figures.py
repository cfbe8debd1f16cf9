"""What a recorded run came to, as HTML: its figures in a row, and what it wrote before and after learning."""

from __future__ import annotations

import html
import json
from typing import Any

import plots

SHOWN_LINES = 12


def read_recorded(name: str) -> dict[str, Any]:
    """What `record_run.py` has kept of a run.

    Raises:
        ValueError: Nothing of that name has been recorded.
    """
    path = plots.RECORDED / f"{name}.json"
    if not path.is_file():
        raise ValueError(f"no run {name!r} is recorded: train one, then `python docs/_build/record_run.py runs/{name}`")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def run_numbers(name: str) -> str:
    """The figures of a run, each with the word for it."""
    figures = read_recorded(name)["figures"]
    minutes, seconds = divmod(round(figures["seconds"]), 60)
    shown = (
        (f"{minutes}:{seconds:02} min", "whole command"),
        (f"{figures['parameters'] / 1e6:.1f} million", "weights"),
        (f"{figures['steps']:,}", "steps"),
        (f"{figures['tokens_per_second']:,.0f}", "tokens a second"),
        (f"{figures['validation_loss']:.2f}", "loss on text held back"),
        (f"{figures['bits_per_byte']:.2f}", "bits per byte"),
    )
    tiles = "".join(f"<div><strong>{number}</strong><span>{word}</span></div>" for number, word in shown)
    return f'<div class="tiles">{tiles}</div>'


def run_samples(name: str) -> str:
    """What the model wrote early on, and at the end."""
    samples = read_recorded(name)["samples"]
    parts = [
        f'<div><span class="when">after step {sample["step"]:,}</span><pre>{_shorten(sample["text"])}</pre></div>'
        for sample in (samples[0], samples[-1])
    ]
    return f'<div class="samples">{"".join(parts)}</div>'


def _shorten(text: str) -> str:
    lines = [html.escape(line) or "&nbsp;" for line in text.strip().splitlines()[:SHOWN_LINES]]
    return "<br>".join(lines)
