"""The parts of the layers in reading order: one file a part, here and in the proof."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

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


def modules(kind: str) -> list[ModuleType]:
    """Return the modules `kind/⟨part⟩.py` in reading order; a part without large cases of its own has no such file."""
    present = [part for part in PARTS if find_spec(f"llm_layers.spec.{kind}.{part}")]
    return [importlib.import_module(f"llm_layers.spec.{kind}.{part}") for part in present]
