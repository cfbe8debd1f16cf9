"""The third witness: the same contracts through torch's own kernels and autograd, without our code."""

from types import SimpleNamespace
from typing import Any

from proof.evidence import Witness
from proof.llm_layers import modules


def load_torch() -> Any:
    """Return the functions of all modules in one namespace."""
    found = SimpleNamespace()
    for module in modules("witnesses"):
        vars(found).update(vars(module))
    return found


WITNESSES = (Witness("torch", load_torch, arrays="torch"),)
