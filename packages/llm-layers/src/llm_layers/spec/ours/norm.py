"""Our own norms."""

from llm_layers import layer_norm, query_key_norm, rms_norm

__all__ = ["layer_norm", "query_key_norm", "rms_norm"]
