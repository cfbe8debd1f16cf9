"""The contracts hand over weights; our functions take linear layers."""

from functools import partial

from torch import Tensor

import llm_layers
from llm_layers.layers.linear import LinearMap, linear

__all__ = ["geglu", "gelu_feed_forward", "relu_squared_feed_forward", "swiglu"]


def layer(weight: Tensor, bias: Tensor | None = None) -> LinearMap:
    """Make a linear layer of a weight."""
    return partial(linear, weight=weight, bias=bias)


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Run `swiglu`."""
    return llm_layers.swiglu(x, layer(gate), layer(up), layer(down))


def geglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Run `geglu`."""
    return llm_layers.geglu(x, layer(gate), layer(up), layer(down))


def gelu_feed_forward(x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor) -> Tensor:
    """Run `gelu_feed_forward`."""
    return llm_layers.gelu_feed_forward(x, layer(up, up_bias), layer(down, down_bias))


def relu_squared_feed_forward(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Run `relu_squared_feed_forward`."""
    return llm_layers.relu_squared_feed_forward(x, layer(up), layer(down))
