"""Our own attention."""

from llm_layers import attention, causal_mask, softmax

__all__ = ["attention", "causal_mask", "softmax"]
