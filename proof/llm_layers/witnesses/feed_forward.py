"""Feed forward through torch's own kernels."""

from typing import Any

from torch.nn import functional as F


def swiglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def geglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    return F.linear(F.gelu(F.linear(x, gate), approximate="tanh") * F.linear(x, up), down)


def gelu_feed_forward(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return F.linear(F.gelu(F.linear(x, up, up_bias), approximate="tanh"), down, down_bias)


def relu_squared_feed_forward(x: Any, up: Any, down: Any) -> Any:
    return F.linear(F.relu(F.linear(x, up)).pow(2), down)
