"""Independent computations, correct code written otherwise, and equivalent faults of llm-train."""

import importlib
from types import ModuleType

from llm_train.spec.parts import PARTS


def modules(kind: str) -> list[ModuleType]:
    """Return the modules `kind/⟨part⟩.py` in reading order."""
    return [importlib.import_module(f"proof.llm_train.{kind}.{part}") for part in PARTS]
