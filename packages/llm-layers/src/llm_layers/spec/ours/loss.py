"""Our own losses."""

from llm_layers import cross_entropy

__all__ = ["cross_entropy"]
