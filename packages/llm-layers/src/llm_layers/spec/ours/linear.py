"""Our own linear map."""

from llm_layers import linear

__all__ = ["linear"]
