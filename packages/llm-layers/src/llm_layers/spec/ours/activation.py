"""Our own activations."""

from llm_layers import gelu, gelu_tanh, relu_squared, silu

__all__ = ["gelu", "gelu_tanh", "relu_squared", "silu"]
