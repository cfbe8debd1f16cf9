"""The parts of training in reading order: one file a part, here and in the proof."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

PARTS = (
    "sgd",
    "adamw",
    "muon",
    "clipping",
    "loss_scale",
    "averaging",
    "update_ratio",
    "schedules",
    "combining",
    "measures",
    "permutation",
    "documents",
    "first_losses",
)


def modules(kind: str) -> list[ModuleType]:
    """Return the modules `kind/⟨part⟩.py` in reading order; a part without large cases of its own has no such file."""
    present = [part for part in PARTS if find_spec(f"llm_train.spec.{kind}.{part}")]
    return [importlib.import_module(f"llm_train.spec.{kind}.{part}") for part in present]
