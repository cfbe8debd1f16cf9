"""Mistakes with softmax, masks, caps and attention."""

import math
from typing import Any

import numpy as np
import torch

from llm_layers.reference.attention import shares, shares_of, soft_cap
from llm_layers.reference.attention import softmax as reference_softmax
from llm_tokenizer.conformance import slip


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


def _distance(query_positions: Any, key_positions: Any) -> Any:
    return query_positions[..., :, None] - key_positions[..., None, :]


def _at_least_one(window: int) -> None:
    if window < 1:
        raise ValueError("an empty window")


@slip("layers.sliding_window_mask", "one too wide", "the window is counted without the query itself: one key too many")
def too_wide(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    distance = _distance(query_positions, key_positions)
    return (distance >= 0) & (distance <= window)


@slip("layers.sliding_window_mask", "one too narrow", "one key too few")
def too_narrow(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    distance = _distance(query_positions, key_positions)
    return (distance >= 0) & (distance < window - 1)


@slip("layers.sliding_window_mask", "both sides", "the window reaches forward too: the future is seen")
def both_sides(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    return _distance(query_positions, key_positions).abs() < window


@slip("layers.sliding_window_mask", "centred", "half of the window before the query, half behind it")
def centred(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    return _distance(query_positions, key_positions).abs() <= window // 2


@slip("layers.sliding_window_mask", "future not hidden", "only the far past is hidden: the causal half is forgotten")
def future_seen(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    return _distance(query_positions, key_positions) < window


@slip("layers.sliding_window_mask", "window not used", "the whole past is seen: that is the causal mask")
def no_window(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    return _distance(query_positions, key_positions) >= 0


@slip("layers.sliding_window_mask", "blocks", "the text is cut into blocks of one window: each sees only its own block")
def blocks(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    same = _distance(query_positions // window, key_positions // window) == 0
    return same & (_distance(query_positions, key_positions) >= 0)


@slip("layers.sliding_window_mask", "True means hidden", "True where a key is hidden: the other convention")
def window_hidden(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    distance = _distance(query_positions, key_positions)
    return (distance < 0) | (distance >= window)


@slip("layers.sliding_window_mask", "transposed", "rows are keys and columns queries")
def window_transposed(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    distance = _distance(query_positions, key_positions)
    return ((distance >= 0) & (distance < window)).mT.reshape(distance.shape)


@slip("layers.sliding_window_mask", "indices compared", "a band by index: wrong as soon as a cache holds earlier keys")
def band(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    shape = (*query_positions.shape, key_positions.shape[-1])
    return torch.ones(shape, dtype=torch.bool).tril().triu(1 - window)


@slip("layers.sliding_window_mask", "last keys by index", "the last keys before the query, whatever their positions")
def last_keys(query_positions: Any, key_positions: Any, window: int) -> Any:
    _at_least_one(window)
    earlier = _distance(query_positions, key_positions) >= 0
    behind = earlier.long().flip(-1).cumsum(-1).flip(-1)  # how many seen keys stand from here to the end
    return earlier & (behind <= window)


@slip("layers.sliding_window_mask", "empty window taken", "a window of 0 is taken: no query sees anything")
def empty_window(query_positions: Any, key_positions: Any, window: int) -> Any:
    distance = _distance(query_positions, key_positions)
    return (distance >= 0) & (distance < window)


def _positive(cap: float) -> None:
    if not cap > 0:
        raise ValueError("cap must be positive")


@slip("layers.soft_cap", "clipped", "cut off at the cap: beyond it there is no gradient")
def clipped(scores: Any, cap: float) -> Any:
    _positive(cap)
    return scores.clamp(-cap, cap)


@slip("layers.soft_cap", "not multiplied back", "tanh(s / cap): everything lies between -1 and 1")
def not_multiplied(scores: Any, cap: float) -> Any:
    _positive(cap)
    return torch.tanh(scores / cap)


@slip("layers.soft_cap", "not divided first", "cap · tanh(s): small scores are blown up by the cap")
def not_divided(scores: Any, cap: float) -> Any:
    _positive(cap)
    return cap * torch.tanh(scores)


@slip("layers.soft_cap", "cap multiplied twice", "cap² · tanh(s / cap)")
def multiplied_twice(scores: Any, cap: float) -> Any:
    _positive(cap)
    return cap * (cap * torch.tanh(scores / cap))


@slip("layers.soft_cap", "capped twice", "the cap is put on again over the capped score")
def capped_twice(scores: Any, cap: float) -> Any:
    _positive(cap)
    return cap * torch.tanh(torch.tanh(scores / cap))


@slip("layers.soft_cap", "cap not used", "the scores come back as they were")
def uncapped(scores: Any, cap: float) -> Any:
    _positive(cap)
    return scores * 1.0


@slip("layers.soft_cap", "cap of 50", "a fixed cap of 50, whatever was given")
def fifty(scores: Any, cap: float) -> Any:
    _positive(cap)
    return 50.0 * torch.tanh(scores / 50.0)


@slip("layers.soft_cap", "sigmoid", "cap · sigmoid(s / cap): no score is negative any more")
def capped_sigmoid(scores: Any, cap: float) -> Any:
    _positive(cap)
    return cap * torch.sigmoid(scores / cap)


@slip("layers.soft_cap", "exponentials", "tanh written as a quotient of exponentials, which overflow")
def exponentials(scores: Any, cap: float) -> Any:
    _positive(cap)
    up, down = (scores / cap).exp(), (-scores / cap).exp()
    return cap * (up - down) / (up + down)


@slip("layers.soft_cap", "cap of 0 taken", "a cap that is not positive is not refused")
def any_cap(scores: Any, cap: float) -> Any:
    return cap * torch.tanh(scores / cap)


@slip("layers.soft_cap", "slope forgotten", "the gradient passes as if nothing were capped")
def straight_through(scores: Any, cap: float) -> Any:
    _positive(cap)
    return scores + (cap * torch.tanh(scores / cap) - scores).detach()


@slip("layers.soft_cap", "1 - tanh", "the slope is taken as 1 - tanh, not 1 - tanh²", backward=True)
def not_squared(dy: Any, scores: Any, cap: float) -> Any:
    return dy * (1 - np.tanh(scores / cap))


@slip("layers.soft_cap", "slope at y", "1 - y²: the capped score itself is squared, not tanh", backward=True)
def slope_at_y(dy: Any, scores: Any, cap: float) -> Any:
    return dy * (1 - (cap * np.tanh(scores / cap)) ** 2)


@slip("layers.soft_cap", "cap left in the slope", "cap · (1 - tanh²): the inner 1 / cap is forgotten", backward=True)
def inner_forgotten(dy: Any, scores: Any, cap: float) -> Any:
    return dy * cap * (1 - np.tanh(scores / cap) ** 2)


def _capped(query: Any, key: Any, value: Any, mask: Any, cap: Any, scale: float | None = None) -> Any:
    """Attention whose scores go through `cap`, a function."""
    scores = cap(query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale))
    if mask is None:
        return torch.softmax(scores, -1) @ value
    low = torch.finfo(scores.dtype).min / 2
    return (torch.softmax(scores.masked_fill(~mask, low), -1) @ value) * mask.any(-1, keepdim=True)


@slip("layers.capped_attention", "no cap", "the scores are not capped: plain attention")
def attention_uncapped(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return _attend(query, key, value, mask)


@slip("layers.capped_attention", "clipped", "scores are cut off at the cap instead of pressed against it")
def attention_clipped(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return _capped(query, key, value, mask, lambda scores: scores.clamp(-cap, cap))


@slip("layers.capped_attention", "cap after the mask", "a hidden key's -∞ is lifted to -cap: it gets a share again")
def cap_after_mask(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2)
    y = torch.softmax(cap * torch.tanh(scores / cap), -1) @ value
    return y if mask is None else y * mask.any(-1, keepdim=True)


@slip("layers.capped_attention", "not multiplied back", "tanh(s / cap): scores between -1 and 1, whatever the cap")
def attention_not_multiplied(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return _capped(query, key, value, mask, lambda scores: torch.tanh(scores / cap))


@slip("layers.capped_attention", "cap multiplied twice", "cap² · tanh(s / cap)")
def attention_multiplied_twice(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return _capped(query, key, value, mask, lambda scores: cap * cap * torch.tanh(scores / cap))


@slip("layers.capped_attention", "capped before the root", "q k is capped first and divided by √d_head afterwards")
def capped_before_root(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    root = query.shape[-1] ** 0.5
    return _capped(query, key, value, mask, lambda scores: cap * torch.tanh(scores / cap) / root, scale=1.0)


@slip("layers.capped_attention", "not scaled", "the scores are not divided by √d_head before the cap")
def capped_unscaled(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return _capped(query, key, value, mask, lambda scores: cap * torch.tanh(scores / cap), scale=1.0)


@slip("layers.capped_attention", "output capped", "the mixed values are capped, not the scores")
def output_capped(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return cap * torch.tanh(_attend(query, key, value, mask) / cap)


@slip(
    "layers.capped_attention", "shares capped", "the shares are capped after the softmax: they no longer add up to one"
)
def shares_capped(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    weights = torch.softmax(query @ key.mT * query.shape[-1] ** -0.5, -1)
    weights = cap * torch.tanh(weights / cap)
    return (weights if mask is None else weights * mask) @ value


@slip("layers.capped_attention", "mask after the softmax", "the mask acts after the softmax")
def capped_masked_late(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    weights = torch.softmax(cap * torch.tanh(query @ key.mT * query.shape[-1] ** -0.5 / cap), -1)
    return (weights if mask is None else weights * mask) @ value


@slip(
    "layers.capped_attention", "NaN for an empty row", "a query that sees nothing gets NaN: softmax of nothing but -∞"
)
def capped_not_a_number(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    scores = cap * torch.tanh(query @ key.mT * query.shape[-1] ** -0.5 / cap)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, -1) @ value


@slip("layers.capped_attention", "slope of the cap forgotten", "the gradient passes the cap as if it were not there")
def cap_straight_through(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    _positive(cap)
    return _capped(query, key, value, mask, lambda scores: scores + (cap * torch.tanh(scores / cap) - scores).detach())


@slip(
    "layers.capped_attention", "slope at the capped score", "tanh's slope is taken at the capped score", backward=True
)
def slope_at_capped(dy: Any, query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    root = np.sqrt(query.shape[-1])
    capped = soft_cap(query @ np.swapaxes(key, -1, -2) / root, cap)
    w = shares_of(capped, mask)
    dw = dy @ np.swapaxes(value, -1, -2)
    ds = w * (dw - np.sum(dw * w, axis=-1, keepdims=True)) * (1 - np.tanh(capped / cap) ** 2) / root
    return ds @ key, np.swapaxes(ds, -1, -2) @ query, np.swapaxes(w, -1, -2) @ dy
