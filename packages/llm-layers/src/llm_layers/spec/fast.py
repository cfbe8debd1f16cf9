"""The fast functions under the contracts' names: `python -m llm_layers.spec llm_layers.spec.fast`."""

from functools import partial
from typing import Any

from llm_layers.kernels.fast_presets import (
    FAST,
    attention,
    geglu,
    gelu_feed_forward,
    layer_norm,
    linear,
    linear_cross_entropy,
    relu_squared_feed_forward,
    rms_norm,
    rotate,
    swiglu,
)
from llm_layers.layers.rotary import rotary_angles
from llm_layers.spec.ours import block as _block
from llm_layers.spec.ours import decoder as _decoder

__all__ = [
    "attention",
    "block",
    "decoder",
    "geglu",
    "gelu_feed_forward",
    "layer_norm",
    "linear",
    "linear_cross_entropy",
    "query_key_norm",
    "relu_squared_feed_forward",
    "rms_norm",
    "rotary",
    "swiglu",
]
SPEC_ARRAYS = "torch"

block = partial(_block, kernels=FAST)
decoder = partial(_decoder, kernels=FAST)


def rotary(x: Any, positions: Any, base: float) -> Any:
    """Turn by the angles of the positions."""
    return rotate(x, rotary_angles(positions, x.shape[-1], base, x.dtype))


def query_key_norm(query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    """Both normalised, as `SelfAttention` does it."""
    return rms_norm(query, query_gain, eps), rms_norm(key, key_gain, eps)
