"""Where weights start, and how small they can be stored: computed from a model, or recorded from one."""

from __future__ import annotations

import json
import math
from typing import Any

import plots
from vocabulary_figures import table

BLOCKS = 24


def recorded() -> Any:
    """Return what was measured of quantized weights.

    Raises:
        ValueError: Nothing has been recorded yet.
    """
    path = plots.RECORDED / "quantization.json"
    if not path.is_file():
        raise ValueError(f"there is no {path.name}: run `python docs/_build/record_quantization.py runs/shakespeare`")
    return json.loads(path.read_text(encoding="utf-8"))


def depth_growth() -> str:
    """The variance of the stream behind each block at the start, for five ways of starting."""
    series = {
        name: [(float(depth), math.log10(variance)) for depth, variance in enumerate(variances)]
        for name, variances in depth_variances().items()
    }
    label = "The stream keeps its size, grows steadily, or explodes in the first block"
    return plots.chart(series, across="block", up="variance of the stream, power of ten", label=label)


def depth_variances() -> dict[str, tuple[float, ...]]:
    """What `residual_variance_by_layer` measures in a deep, narrow model."""
    import torch

    from llm_layers import (
        Decoder,
        ModelConfig,
        initialize,
        initialize_gpt2,
        initialize_normal,
        initialize_truncated,
        residual_variance_by_layer,
    )

    config = ModelConfig(
        vocab_size=256, d_model=128, layers=BLOCKS, heads=4, kv_heads=4, d_head=32, d_ff=384, context_length=64
    )
    model = Decoder(config)
    tokens = torch.randint(0, 256, (2, 64), generator=torch.Generator().manual_seed(0))
    found = {}
    for name, scheme in (
        ("zero outputs", initialize),
        ("GPT-2", initialize_gpt2),
        ("truncated", initialize_truncated),
        ("normal, 0.02", initialize_normal),
        ("normal, 1", lambda one, generator: initialize_normal(one, 1.0, generator)),
    ):
        scheme(model, generator=torch.Generator().manual_seed(0))
        found[name] = residual_variance_by_layer(model, tokens)
    return found


def codes_table() -> str:
    """What each way of storing the weights costs a trained model."""
    measured = recorded()
    rows = []
    plain = measured["perplexities"][0]["perplexity"]
    for row in measured["perplexities"]:
        cost = row["perplexity"] / plain - 1
        rows.append((row["name"], f"{row['bits']:.2f}", f"{row['perplexity']:.3f}", f"{cost:+.2%}" if cost else ""))
    return table(("weights stored as", "bits per weight", "perplexity", "change"), rows)


def product_times() -> str:
    """How long one vector times one weight takes, in each way of storing the weight."""
    measured = recorded()["times"]
    ways = [way for way in measured[0] if way != "shape"]
    head = ("one vector times a weight, µs", *(f"{rows:,} × {columns:,}" for rows, columns in shapes(measured)))
    return table(head, [(f"<code>{way}</code>", *(f"{one[way]:,.0f}" for one in measured)) for way in ways])


def shapes(measured: list[dict[str, list[int]]]) -> list[list[int]]:
    """The shapes of the weights that were timed."""
    return [one["shape"] for one in measured]
