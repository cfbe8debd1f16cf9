"""Our own norms."""

from llm_layers import rms_norm

__all__ = ["rms_norm"]
