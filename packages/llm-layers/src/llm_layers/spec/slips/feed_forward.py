"""Mistakes with the feed-forward parts."""

from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.reference.activation import gelu_tanh
from llm_layers.reference.feed_forward import geglu_backward
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()


def _glu(activation: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    return (activation(x @ gate.T) * (x @ up.T)) @ down.T


def _tanh_gelu(a: Any) -> Any:
    return F.gelu(a, approximate="tanh")


def _gated(slip: Any, name: str, activation: Any) -> None:
    """Add the mistakes that every gated part knows."""
    slip("gate and up swapped", f"the up projection goes through {name}, the gate through nothing")(
        lambda x, gate, up, down: _glu(activation, x, up, gate, down)
    )
    slip("both activated", f"the up projection goes through {name} as well")(
        lambda x, gate, up, down: (activation(x @ gate.T) * activation(x @ up.T)) @ down.T
    )
    slip("added", "gate and up are added instead of multiplied")(
        lambda x, gate, up, down: (activation(x @ gate.T) + x @ up.T) @ down.T
    )
    slip("weights (in, out)", "the weights are taken as (in, out)")(
        lambda x, gate, up, down: (activation(x @ gate) * (x @ up)) @ down
    )


slip = SLIPS.of("layers.swiglu")
_gated(slip, "SiLU", F.silu)
slip("sigmoid gate", "the gate goes through a sigmoid: that is GLU")(
    lambda x, gate, up, down: _glu(torch.sigmoid, x, gate, up, down)
)


slip = SLIPS.of("layers.geglu")
_gated(slip, "GELU", _tanh_gelu)
slip("SiLU gate", "the gate goes through SiLU: that is SwiGLU")(
    lambda x, gate, up, down: _glu(F.silu, x, gate, up, down)
)
slip("exact GELU", "the gate goes through the exact GELU, not through its tanh form")(
    lambda x, gate, up, down: _glu(F.gelu, x, gate, up, down)
)
slip("product activated", "gate and up are multiplied first and then activated")(
    lambda x, gate, up, down: _tanh_gelu((x @ gate.T) * (x @ up.T)) @ down.T
)


@slip("one way back", "dx takes the way through the gate only", backward=True)
def one_way_back(dy: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    dx, *rest = geglu_backward(dy, x, gate, up, down)
    return dx - dy @ down * gelu_tanh(x @ gate.T) @ up, *rest


def _two_layers(activation: Any, x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    return activation(x @ up.T + up_bias) @ down.T + down_bias


slip = SLIPS.of("layers.gelu_feed_forward")
slip("exact GELU", "the exact GELU; GPT-2 was trained with the tanh form")(
    lambda x, up, up_bias, down, down_bias: _two_layers(F.gelu, x, up, up_bias, down, down_bias)
)
slip("no activation", "there is no activation: two matrices in a row are one")(
    lambda x, up, up_bias, down, down_bias: _two_layers(lambda a: a, x, up, up_bias, down, down_bias)
)
slip("up_bias forgotten", "up_bias is not added")(
    lambda x, up, up_bias, down, down_bias: _tanh_gelu(x @ up.T) @ down.T + down_bias
)
slip("down_bias forgotten", "down_bias is not added")(
    lambda x, up, up_bias, down, down_bias: _tanh_gelu(x @ up.T + up_bias) @ down.T
)
slip("up_bias after the activation", "up_bias is added to the activated values")(
    lambda x, up, up_bias, down, down_bias: (_tanh_gelu(x @ up.T) + up_bias) @ down.T + down_bias
)
slip("stream added", "x is added to the result: that is the block's work")(
    lambda x, up, up_bias, down, down_bias: x + _two_layers(_tanh_gelu, x, up, up_bias, down, down_bias)
)
slip("weights (in, out)", "the weights are taken as (in, out), as GPT-2's files hold them")(
    lambda x, up, up_bias, down, down_bias: _two_layers(_tanh_gelu, x, up.T, up_bias, down.T, down_bias)
)


def _plain(activation: Any, x: Any, up: Any, down: Any) -> Any:
    return activation(x @ up.T) @ down.T


slip = SLIPS.of("layers.relu_squared_feed_forward")
slip("not squared", "the activation is ReLU: the square is missing")(lambda x, up, down: _plain(F.relu, x, up, down))
slip("square at the end", "the narrow result is squared, not the wide one")(
    lambda x, up, down: _plain(F.relu, x, up, down).square()
)
slip("x cut", "x is cut off and squared before the first weight")(
    lambda x, up, down: F.relu(x).square() @ up.T @ down.T
)
slip("weights (in, out)", "the weights are taken as (in, out)")(
    lambda x, up, down: _plain(lambda a: F.relu(a).square(), x, up.T, down.T)
)
