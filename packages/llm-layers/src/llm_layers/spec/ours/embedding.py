"""Our own embeddings and tied head."""

from llm_layers import embedding, tied_head

__all__ = ["embedding", "tied_head"]
