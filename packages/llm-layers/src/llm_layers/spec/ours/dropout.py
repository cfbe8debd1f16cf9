"""Our own dropout."""

from llm_layers import dropout

__all__ = ["dropout"]
