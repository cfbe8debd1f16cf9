"""Our own placements of the norm."""

from llm_layers import branch_norm, post_norm, pre_norm

__all__ = ["branch_norm", "post_norm", "pre_norm"]
