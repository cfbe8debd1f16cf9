"""Independent computations, correct code written otherwise, and equivalent faults of llm-layers."""

import importlib
from types import ModuleType

from llm_layers.spec.parts import PARTS


def modules(kind: str) -> list[ModuleType]:
    """Return the modules `kind/⟨part⟩.py` in reading order."""
    return [importlib.import_module(f"proof.llm_layers.{kind}.{part}") for part in PARTS]
