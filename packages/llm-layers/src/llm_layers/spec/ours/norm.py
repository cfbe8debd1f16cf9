"""The contract hands over gains; our function takes norms."""

from functools import partial

from torch import Tensor

import llm_layers
from llm_layers import layer_norm, rms_norm

__all__ = ["layer_norm", "query_key_norm", "rms_norm"]


def query_key_norm(
    query: Tensor, key: Tensor, query_gain: Tensor, key_gain: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Run `query_key_norm`."""
    norms = (partial(rms_norm, gain=gain, eps=eps) for gain in (query_gain, key_gain))
    return llm_layers.query_key_norm(query, key, *norms)
