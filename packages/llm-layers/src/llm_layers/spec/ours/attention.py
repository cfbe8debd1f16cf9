"""Our own attention."""

from llm_layers import attention, capped_attention, causal_mask, sliding_window_mask, soft_cap, softmax

__all__ = ["attention", "capped_attention", "causal_mask", "sliding_window_mask", "soft_cap", "softmax"]
