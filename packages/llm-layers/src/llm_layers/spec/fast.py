"""The fast functions under the contracts' names: `python -m llm_layers.spec llm_layers.spec.fast`."""

from functools import partial
from typing import Any

from llm_layers.kernels import FAST
from llm_layers.spec.ours import block as _block
from llm_layers.spec.ours import decoder as _decoder
from llm_layers.spec.ours import gelu_feed_forward as _gelu_feed_forward
from llm_layers.spec.ours import with_layers as _with_layers

__all__ = [
    "attention", "block", "decoder", "gelu_feed_forward", "layer_norm", "linear", "query_key_norm", "rms_norm",
    "swiglu",
]  # fmt: skip
SPEC_ARRAYS = "torch"

attention, layer_norm, linear, rms_norm = FAST.attention, FAST.layer_norm, FAST.linear, FAST.rms_norm
swiglu = _with_layers(FAST.swiglu)
gelu_feed_forward = partial(_gelu_feed_forward, kernels=FAST)
block = partial(_block, kernels=FAST)
decoder = partial(_decoder, kernels=FAST)


def query_key_norm(query: Any, key: Any, query_gain: Any, key_gain: Any, eps: float) -> Any:
    """Normalize both, as `SelfAttention` does it."""
    return rms_norm(query, query_gain, eps), rms_norm(key, key_gain, eps)
