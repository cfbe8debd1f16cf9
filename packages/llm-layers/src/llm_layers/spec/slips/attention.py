"""Mistakes with softmax, the causal mask and attention."""

import math
from typing import Any

import numpy as np
import torch

from llm_layers.reference.attention import shares
from llm_layers.reference.attention import softmax as reference_softmax
from llm_tokenizer.spec import slip


@slip("layers.softmax", "largest score left in", "exp is taken of the scores as they are: it overflows")
def overflowing(scores: Any, axis: int) -> Any:
    return scores.exp() / scores.exp().sum(axis, keepdim=True)


@slip("layers.softmax", "last axis always", "the shares add up along the last axis, whatever axis was given")
def last_axis(scores: Any, axis: int) -> Any:
    return torch.softmax(scores, -1)


@slip("layers.softmax", "one largest for all", "one largest score for the whole array: far lower slices become 0/0")
def one_largest(scores: Any, axis: int) -> Any:
    e = (scores - scores.max()).exp() if scores.numel() else scores
    return e / e.sum(axis, keepdim=True)


@slip("layers.softmax", "sum over everything", "divided by the sum of the whole array")
def whole_sum(scores: Any, axis: int) -> Any:
    e = (scores - scores.amax(axis, keepdim=True)).exp() if scores.numel() else scores
    return e / e.sum()


@slip("layers.softmax", "logarithm returned", "the logarithm of the shares came back: that is log_softmax")
def logarithm(scores: Any, axis: int) -> Any:
    return torch.log_softmax(scores, axis)


@slip("layers.softmax", "powers of 2", "2 to the power of the score instead of e")
def base_two(scores: Any, axis: int) -> Any:
    return torch.softmax(scores * math.log(2), axis)


@slip("layers.softmax", "guard in the sum", "a small number added to the sum: the shares no longer add up to one")
def guarded(scores: Any, axis: int) -> Any:
    e = (scores - scores.amax(axis, keepdim=True)).exp() if scores.numel() else scores
    return e / (e.sum(axis, keepdim=True) + 1e-3)


@slip("layers.softmax", "sigmoid", "each score by itself: that is a sigmoid")
def sigmoid(scores: Any, axis: int) -> Any:
    return torch.sigmoid(scores)


@slip("layers.softmax", "diagonal only", "y (1 - y) dy: the gradient of the other shares is forgotten", backward=True)
def diagonal(dy: Any, scores: Any, axis: int) -> Any:
    y = reference_softmax(scores, axis)
    return y * (1 - y) * dy


@slip("layers.softmax", "sum along the last axis", "the gradient's sum runs along the last axis always", backward=True)
def gradient_axis(dy: Any, scores: Any, axis: int) -> Any:
    y = reference_softmax(scores, axis)
    return y * (dy - np.sum(dy * y, axis=-1, keepdims=True))


@slip("layers.causal_mask", "not even itself", "strictly earlier: a position may not see itself")
def strict(query_positions: Any, key_positions: Any) -> Any:
    return key_positions[..., None, :] < query_positions[..., :, None]


@slip("layers.causal_mask", "True means hidden", "True where a key is hidden: the other convention")
def hidden(query_positions: Any, key_positions: Any) -> Any:
    return key_positions[..., None, :] > query_positions[..., :, None]


@slip("layers.causal_mask", "transposed", "rows are keys and columns queries")
def transposed(query_positions: Any, key_positions: Any) -> Any:
    return (key_positions[..., :, None] <= query_positions[..., None, :]).reshape(
        *query_positions.shape, key_positions.shape[-1]
    )


@slip("layers.causal_mask", "indices compared", "a triangle by index: wrong as soon as a cache holds earlier keys")
def triangle(query_positions: Any, key_positions: Any) -> Any:
    shape = (*query_positions.shape, key_positions.shape[-1])
    return torch.ones(shape, dtype=torch.bool).tril()


@slip("layers.causal_mask", "triangle at the end", "a triangle aligned to the last key: right only for a full cache")
def aligned(query_positions: Any, key_positions: Any) -> Any:
    queries, keys = query_positions.shape[-1], key_positions.shape[-1]
    return torch.ones((*query_positions.shape, keys), dtype=torch.bool).tril(keys - queries)


def _attend(query: Any, key: Any, value: Any, mask: Any, scale: float | None = None, low: float = -1e300) -> Any:
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query @ key.mT * scale
    if mask is None:
        return torch.softmax(scores, -1) @ value
    low = max(low, torch.finfo(scores.dtype).min / 2)
    return (torch.softmax(scores.masked_fill(~mask, low), -1) @ value) * mask.any(-1, keepdim=True)


@slip("layers.attention", "not scaled", "the scores are not divided by √d_head")
def unscaled(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, mask, scale=1.0)


@slip("layers.attention", "scaled by d", "the scores are divided by d_head, not by its root")
def scaled_by_d(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, mask, scale=1 / query.shape[-1])


@slip("layers.attention", "scaled by the keys", "the scores are divided by the root of the number of keys")
def scaled_by_keys(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, mask, scale=max(key.shape[-2], 1) ** -0.5)


@slip("layers.attention", "scaled twice", "query and key are each divided by √d_head")
def scaled_twice(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query * query.shape[-1] ** -0.5, key, value, mask)


@slip("layers.attention", "mask after the softmax", "the mask acts after the softmax: shares no longer add up to one")
def masked_late(query: Any, key: Any, value: Any, mask: Any) -> Any:
    weights = torch.softmax(query @ key.mT * query.shape[-1] ** -0.5, -1)
    return (weights if mask is None else weights * mask) @ value


@slip("layers.attention", "hidden scores set to 0", "a hidden score is 0, not -∞: it still gets a share")
def masked_zero(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, mask, low=0.0)


@slip("layers.attention", "hidden scores set to -10", "a hidden score is pushed down by too little")
def masked_little(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, mask, low=-10.0)


@slip("layers.attention", "hidden scores lowered by 10000", "a fixed number is subtracted: a large score still wins")
def lowered(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is None:
        return torch.softmax(scores, -1) @ value
    return (torch.softmax(scores - 1e4 * ~mask, -1) @ value) * mask.any(-1, keepdim=True)


@slip("layers.attention", "mask inverted", "True is taken for hidden")
def inverted(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, None if mask is None else ~mask)


@slip("layers.attention", "NaN for an empty row", "a query that sees nothing gets NaN: softmax of nothing but -∞")
def not_a_number(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, -1) @ value


@slip("layers.attention", "average for an empty row", "a query that sees nothing gets the average of hidden values")
def averaged(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, -1) @ value


@slip("layers.attention", "softmax over the queries", "the shares add up over the queries, not over the keys")
def over_queries(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2)
    return torch.softmax(scores, -2) @ value


@slip("layers.attention", "keys and values swapped", "values are matched and keys handed out")
def swapped(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, value, key, mask)


@slip("layers.attention", "causal whatever the mask", "a causal triangle instead of the given mask")
def always_causal(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return _attend(query, key, value, torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril())


@slip("layers.attention", "largest score left in", "exp is taken of the scores as they are: it overflows")
def overflow(query: Any, key: Any, value: Any, mask: Any) -> Any:
    e = (query @ key.mT * query.shape[-1] ** -0.5).exp()
    e = e if mask is None else e * mask
    return (e / e.sum(-1, keepdim=True).clamp(min=torch.finfo(e.dtype).tiny)) @ value


@slip("layers.attention", "softmax gradient halved", "dw · w: the sum over the shares is forgotten", backward=True)
def no_sum(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    w = shares(query, key, mask)
    ds = w * (dy @ np.swapaxes(value, -1, -2)) / np.sqrt(query.shape[-1])
    return ds @ key, np.swapaxes(ds, -1, -2) @ query, np.swapaxes(w, -1, -2) @ dy


@slip("layers.attention", "dkey not scaled", "the gradient of the keys is not divided by √d_head", backward=True)
def key_unscaled(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    w = shares(query, key, mask)
    dw = dy @ np.swapaxes(value, -1, -2)
    ds = w * (dw - np.sum(dw * w, axis=-1, keepdims=True))
    root = np.sqrt(query.shape[-1])
    return ds @ key / root, np.swapaxes(ds, -1, -2) @ query, np.swapaxes(w, -1, -2) @ dy
