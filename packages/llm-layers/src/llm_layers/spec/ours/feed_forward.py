"""Our own feed-forward part."""

from llm_layers import swiglu

__all__ = ["swiglu"]
