"""Attention: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_layers import fused_attention
from llm_tokenizer.spec import variant


@variant("layers.softmax", "from the logarithm")
def from_logarithm(scores: Any, axis: int) -> Any:
    return (scores - torch.logsumexp(scores, axis, keepdim=True)).exp()


@variant("layers.softmax", "by hand")
def by_hand(scores: Any, axis: int) -> Any:
    e = (scores - scores.amax(axis, keepdim=True).detach()).exp()
    return e / e.sum(axis, keepdim=True)


@variant("layers.softmax", "NumPy, another order of summation", arrays="numpy")
def backwards_sum(scores: Any, axis: int) -> Any:
    e = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return e / np.flip(e, axis).sum(axis=axis, keepdims=True)


@variant("layers.causal_mask", "difference")
def difference(query_positions: Any, key_positions: Any) -> Any:
    return (query_positions.unsqueeze(-1) - key_positions.unsqueeze(-2)).sign() >= 0


@variant("layers.causal_mask", "not later, NumPy", arrays="numpy")
def not_later(query_positions: Any, key_positions: Any) -> Any:
    return np.logical_not(key_positions[..., None, :] > query_positions[..., None])


@variant("layers.attention", "our fused kernel")
def fused(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return fused_attention(query, key, value, mask)


@variant("layers.attention", "einsum")
def einsum(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    if mask is None:
        return torch.einsum("...qk,...kd->...qd", scores.softmax(-1), value)
    e = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2).softmax(-1) * mask
    return torch.einsum("...qk,...kd->...qd", e, value)
