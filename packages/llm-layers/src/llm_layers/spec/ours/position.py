"""Our own positions."""

from llm_layers import rotary

__all__ = ["rotary"]
