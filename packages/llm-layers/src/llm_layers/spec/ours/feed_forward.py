"""Our own feed-forward parts."""

from llm_layers import geglu, gelu_feed_forward, relu_squared_feed_forward, swiglu

__all__ = ["geglu", "gelu_feed_forward", "relu_squared_feed_forward", "swiglu"]
