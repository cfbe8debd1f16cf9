"""Our own functions under the contracts' names; where a contract pins a whole module, an adapter runs the module."""

import importlib

from llm_layers.spec.parts import PARTS

SPEC_ARRAYS = "torch"

for _part in PARTS:
    _module = importlib.import_module(f"llm_layers.spec.ours.{_part}")
    globals().update({name: getattr(_module, name) for name in _module.__all__})
