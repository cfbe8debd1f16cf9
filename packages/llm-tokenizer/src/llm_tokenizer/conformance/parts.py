"""A specification in parts: one file a part in each of its folders."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.util import find_spec
from types import ModuleType


def modules_of_parts(folder: str, parts: Sequence[str]) -> list[ModuleType]:
    """Return the modules `folder.⟨part⟩` in the order of the parts; a part need not have a file in every folder."""
    present = [part for part in parts if find_spec(f"{folder}.{part}")]
    return [importlib.import_module(f"{folder}.{part}") for part in present]
