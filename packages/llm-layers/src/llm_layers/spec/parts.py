"""The parts of the layers, in reading order; slips, variants, witnesses and our own functions stand one file a part."""

from __future__ import annotations

import importlib
from typing import Any

PARTS = (
    "embedding",
    "linear",
    "position",
    "rotary_scaling",
    "norm",
    "dropout",
    "attention",
    "multi_head_attention",
    "activation",
    "feed_forward",
    "mixture_of_experts",
    "residual",
    "block",
    "decoder",
    "loss",
    "initialization",
    "lora",
    "quantization",
)


def gather(kind: str, wanted: type | None = None) -> dict[str, Any]:
    """Everything public that the modules `kind/⟨part⟩.py` define, or all of one type under `part_name`."""
    found: dict[str, Any] = {}
    for part in PARTS:
        module = importlib.import_module(f"llm_layers.spec.{kind}.{part}")
        for name, value in vars(module).items():
            if wanted is not None and isinstance(value, wanted):
                found[f"{part}_{name}"] = value
            elif wanted is None and callable(value) and getattr(value, "__module__", "") == module.__name__:
                found[name] = value
    return found
