"""Our own heads."""

from llm_layers import (
    cached_attention,
    grouped_query_attention,
    merge_heads,
    multi_head_attention,
    multi_query_attention,
    split_heads,
)

__all__ = [
    "cached_attention", "grouped_query_attention", "merge_heads", "multi_head_attention", "multi_query_attention",
    "split_heads",
]  # fmt: skip
