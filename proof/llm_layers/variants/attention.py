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


@variant("product with the reciprocal")
def reciprocal(scores: Any, axis: int) -> Any:
    e = torch.exp(scores - scores.max(axis, keepdim=True).values)
    return e * e.sum(axis, keepdim=True).reciprocal()


@variant("one score after the other, NumPy", arrays="numpy")
def online(scores: Any, axis: int) -> Any:
    """As a streaming kernel does it: the sum is rescaled whenever a larger score comes."""
    rows = np.moveaxis(scores, axis, 0)
    largest, total = np.full(rows.shape[1:], -np.inf, scores.dtype), np.zeros(rows.shape[1:], scores.dtype)
    for row in rows:
        new = np.maximum(largest, row)
        total = total * np.exp(largest - new) + np.exp(row - new)
        largest = new
    return np.moveaxis(np.exp(rows - largest) / total, 0, axis)


variant = VARIANTS.of("layers.causal_mask")
variant("compared the other way")(
    lambda query_positions, key_positions: query_positions[..., None].ge(key_positions[..., None, :])
)
variant("difference")(
    lambda query_positions, key_positions: (query_positions.unsqueeze(-1) - key_positions.unsqueeze(-2)).sign() >= 0
)
variant("not later, NumPy", arrays="numpy")(
    lambda query_positions, key_positions: np.logical_not(key_positions[..., None, :] > query_positions[..., None])
)


variant = VARIANTS.of("layers.document_mask")
variant("no difference")(
    lambda query_documents, key_documents: query_documents.unsqueeze(-1) - key_documents.unsqueeze(-2) == 0
)
variant("exclusive or")(
    lambda query_documents, key_documents: ~(query_documents[..., None] ^ key_documents[..., None, :]).bool()
)
variant("NumPy", arrays="numpy")(
    lambda query_documents, key_documents: np.equal(query_documents[..., None], key_documents[..., None, :])
)


variant = VARIANTS.of("layers.attention")


def _mixed(scores: Any, value: Any, mask: Any) -> Any:
    if mask is None:
        return torch.einsum("...qk,...kd->...qd", scores.softmax(-1), value)
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2).softmax(-1) * mask
    return torch.einsum("...qk,...kd->...qd", weights, value)


variant("our fused kernel")(fused_attention)
variant("einsum")(
    lambda query, key, value, mask: _mixed(
        torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5, value, mask
    )
)


@variant("tiles of keys")
def tiled(query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Tiles of a few keys, joined by their largest scores as a fused kernel joins them."""
    width = max(key.shape[-2] // 13, 2)
    lowest = torch.finfo(query.dtype).min / 2
    largest = torch.full_like(query[..., :1], lowest).detach()
    total = query[..., :1] * 0
    y = query * 0
    for start in range(0, key.shape[-2], width):
        piece = slice(start, start + width)
        scores = query @ key[..., piece, :].mT * query.shape[-1] ** -0.5
        seen = torch.ones_like(scores) if mask is None else mask[..., piece].to(scores.dtype).expand_as(scores)
        scores = scores.where(seen > 0, lowest)
        new = torch.maximum(largest, scores.amax(-1, keepdim=True).detach())
        e, old = (scores - new).exp() * seen, (largest - new).exp()
        total, y, largest = total * old + e.sum(-1, keepdim=True), y * old + e @ value[..., piece, :], new
    return y / total.where(total > 0, 1)


@variant("NumPy, query by query", arrays="numpy")
def by_query(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _by_query(query, key, value, mask, lambda scores: scores)


def _by_query(query: Any, key: Any, value: Any, mask: Any, change: Any) -> Any:
    y = np.zeros(query.shape, query.dtype)
    for place in np.ndindex(*query.shape[:-1]):
        keys, values = key[place[:-1]], value[place[:-1]]
        seen = np.arange(len(keys)) if mask is None else np.flatnonzero(mask[place[-1]])
        if len(seen):
            scores = change(keys[seen] @ query[place] / np.sqrt(query.dtype.type(query.shape[-1])))
            e = np.exp(scores - scores.max())
            y[place] = e @ values[seen] / e.sum()
    return y


variant = VARIANTS.of("layers.sliding_window_mask")


@variant("first and last position of each query, NumPy", arrays="numpy")
def by_ends(query_positions: Any, key_positions: Any, window: int) -> Any:
    if window < 1:
        raise ValueError("an empty window")
    last, keys = query_positions[..., None], key_positions[..., None, :]
    return (last - (window - 1) <= keys) & (keys <= last)


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


@variant("divided, bent, multiplied")
def step_by_step(scores: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    return scores.div(cap).tanh().mul(cap)


variant = VARIANTS.of("layers.capped_attention")


@variant("NumPy, query by query", arrays="numpy")
def capped_by_query(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    return _by_query(query, key, value, mask, lambda scores: np.tanh(scores / cap) * cap)


@variant("einsum")
def capped_einsum(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    scores = torch.tanh(torch.einsum("...qd,...kd->...qk", query, key) / (cap * query.shape[-1] ** 0.5)) * cap
    return _mixed(scores, value, mask)


@variant("no largest score needed, where the cap is small")
def without_largest(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    """Scores between -80 and 80 neither overflow nor vanish, so the exponentials may be taken as they are."""
    if not cap > 0:
        raise ValueError("cap must be positive")
    if cap > 80:
        return capped_einsum(query, key, value, mask, cap)
    e = (cap * torch.tanh(query @ key.mT / query.shape[-1] ** 0.5 / cap)).exp()
    e = e if mask is None else e * mask
    total = e.sum(-1, keepdim=True)
    return (e / total.where(total > 0, 1)) @ value


VARIANTS.of("layers.attention")("our fast kernels")(our.attention)


@VARIANTS.of("layers.soft_cap")("float32 inside")
def cap_in_float32(scores: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return (torch.tanh(wide / cap) * cap).to(scores.dtype)


@VARIANTS.of("layers.capped_attention")("softmax in float32, as Gemma has it")
def capped_wide_softmax(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    if not cap > 0:
        raise ValueError("cap must be positive")
    wide = torch.promote_types(query.dtype, torch.float32)
    scores = torch.tanh(query @ key.mT * query.shape[-1] ** -0.5 / cap) * cap
    if mask is None:
        return scores.softmax(-1, dtype=wide).to(value.dtype) @ value
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1, dtype=wide) * mask
    return weights.to(value.dtype) @ value


def divided_last(scores: Any, value: Any, mask: Any) -> Any:
    """Values are mixed by exponentials, and the sum is divided at the end, as a fused kernel does it."""
    seen = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand_as(scores)
    lowest = torch.finfo(scores.dtype).min / 2
    scores = scores.where(seen, lowest)
    largest = scores.detach().amax(-1, keepdim=True) if scores.shape[-1] else lowest
    e = torch.exp(scores - largest) * seen
    total = e.sum(-1, keepdim=True)
    return e @ value / total.where(total > 0, 1)
