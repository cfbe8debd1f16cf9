"""Our own start values."""

from llm_layers import scaled_initialization, truncated_normal

__all__ = ["scaled_initialization", "truncated_normal"]
