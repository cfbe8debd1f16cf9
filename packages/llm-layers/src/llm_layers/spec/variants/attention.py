"""Attention: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_layers import fused_attention
from llm_layers.spec import fast as our
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.softmax")
variant("from the logarithm")(lambda scores, axis: (scores - torch.logsumexp(scores, axis, keepdim=True)).exp())


@variant("by hand")
def by_hand(scores: Any, axis: int) -> Any:
    e = (scores - scores.amax(axis, keepdim=True).detach()).exp()
    return e / e.sum(axis, keepdim=True)


@variant("NumPy, another order of summation", arrays="numpy")
def backwards_sum(scores: Any, axis: int) -> Any:
    e = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return e / np.flip(e, axis).sum(axis=axis, keepdims=True)


variant = VARIANTS.of("layers.causal_mask")
variant("difference")(
    lambda query_positions, key_positions: (query_positions.unsqueeze(-1) - key_positions.unsqueeze(-2)).sign() >= 0
)
variant("not later, NumPy", arrays="numpy")(
    lambda query_positions, key_positions: np.logical_not(key_positions[..., None, :] > query_positions[..., None])
)


variant = VARIANTS.of("layers.attention")
variant("our fused kernel")(fused_attention)


@variant("einsum")
def einsum(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    if mask is None:
        return torch.einsum("...qk,...kd->...qd", scores.softmax(-1), value)
    e = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2).softmax(-1) * mask
    return torch.einsum("...qk,...kd->...qd", e, value)


variant = VARIANTS.of("layers.sliding_window_mask")


@variant("two causal masks")
def two_masks(query_positions: Any, key_positions: Any, window: int) -> Any:
    if window < 1:
        raise ValueError("an empty window")
    near = key_positions.unsqueeze(-2) <= query_positions.unsqueeze(-1)
    return near & ~(key_positions.unsqueeze(-2) <= (query_positions - window).unsqueeze(-1))


@variant("NumPy, distance in the window", arrays="numpy")
def in_the_window(query_positions: Any, key_positions: Any, window: int) -> Any:
    if window < 1:
        raise ValueError("an empty window")
    distance = np.subtract(query_positions[..., None], key_positions[..., None, :])
    return np.clip(distance, 0, window - 1) == distance


variant = VARIANTS.of("layers.soft_cap")


@variant("multiplied by the inverse")
def inverse(scores: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    return torch.tanh(scores * (1 / cap)) * cap


@variant("NumPy, from expm1", arrays="numpy")
def from_expm1(scores: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    e = np.expm1(-2 * np.abs(scores) / cap)  # never positive: nothing overflows
    return np.sign(scores) * cap * -e / (2 + e)


variant = VARIANTS.of("layers.capped_attention")


@variant("einsum")
def capped_einsum(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    scores = torch.tanh(torch.einsum("...qd,...kd->...qk", query, key) / (cap * query.shape[-1] ** 0.5)) * cap
    if mask is None:
        return torch.einsum("...qk,...kd->...qd", scores.softmax(-1), value)
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2).softmax(-1) * mask
    return torch.einsum("...qk,...kd->...qd", weights, value)


@variant("no largest score needed")
def without_largest(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    """Capped scores cannot overflow, so the exponentials may be taken as they are."""
    if not cap > 0:
        raise ValueError("cap must be positive")
    e = (cap * torch.tanh(query @ key.mT / query.shape[-1] ** 0.5 / cap)).exp()
    e = e if mask is None else e * mask
    total = e.sum(-1, keepdim=True)
    return (e / total.where(total > 0, 1)) @ value


VARIANTS.of("layers.attention")("our fast kernels")(our.attention)
