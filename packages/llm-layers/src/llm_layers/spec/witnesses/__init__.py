"""An independent witness: the same contracts through torch's own kernels, none of our code."""

from types import SimpleNamespace
from typing import Any

from llm_layers.spec.parts import gather
from llm_tokenizer.conformance import Witness


def load_torch() -> Any:
    """Give the functions, or None where torch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return None
    return SimpleNamespace(**gather("witnesses"))


WITNESSES = (Witness("torch", load_torch, arrays="torch"),)
