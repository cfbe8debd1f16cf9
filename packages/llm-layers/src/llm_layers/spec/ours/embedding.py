"""Our own embeddings."""

from llm_layers import embedding

__all__ = ["embedding"]
