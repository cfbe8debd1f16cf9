"""Mistakes with softmax, masks, caps and attention."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from llm_layers.reference.attention import attention_weights
from llm_layers.reference.attention import softmax as reference_softmax
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.softmax")


def _exp(scores: Any, axis: int) -> Any:
    return (scores - scores.amax(axis, keepdim=True)).exp() if scores.numel() else scores


def _normalized(e: Any, axis: int) -> Any:
    return e / e.sum(axis, keepdim=True)


slip("one largest for all", "one largest score for the whole array: far lower slices become 0/0")(
    lambda scores, axis: _normalized((scores - scores.max()).exp() if scores.numel() else scores, axis)
)
slip("largest score left in", "exp is taken of the scores as they are: it overflows")(
    lambda scores, axis: _normalized(scores.exp(), axis)
)
slip("last axis always", "the weights sum to one along the last axis, whatever axis was given")(
    lambda scores, axis: torch.softmax(scores, -1)
)
slip("sum over everything", "divided by the sum of the whole array")(
    lambda scores, axis: _exp(scores, axis) / _exp(scores, axis).sum()
)
slip("logarithm returned", "the logarithm of the weights is returned: that is log_softmax")(torch.log_softmax)
slip("guard in the sum", "a small number is added to the sum: the weights no longer sum to one")(
    lambda scores, axis: _exp(scores, axis) / (_exp(scores, axis).sum(axis, keepdim=True) + 1e-3)
)


@slip("diagonal only", "y (1 - y) dy: the gradient of the other weights is forgotten", backward=True)
def diagonal(dy: Any, scores: Any, axis: int) -> Any:
    y = reference_softmax(scores, axis)
    return y * (1 - y) * dy


@slip("sum along the last axis", "the gradient's sum always runs along the last axis", backward=True)
def gradient_axis(dy: Any, scores: Any, axis: int) -> Any:
    y = reference_softmax(scores, axis)
    return y * (dy - np.sum(dy * y, axis=-1, keepdims=True))


slip = SLIPS.of("layers.causal_mask")


def _distance(query_positions: Any, key_positions: Any) -> Any:
    return query_positions[..., :, None] - key_positions[..., None, :]


def _ones(query_positions: Any, key_positions: Any) -> Any:
    return torch.ones((*query_positions.shape, key_positions.shape[-1]), dtype=torch.bool)


slip("not even itself", "strictly earlier: a position may not see itself")(lambda q, k: _distance(q, k) > 0)
slip("True means hidden", "True where a key is hidden: the other convention")(lambda q, k: _distance(q, k) < 0)
slip("transposed", "rows are keys and columns queries")(
    lambda q, k: (_distance(q, k) >= 0).mT.reshape(_distance(q, k).shape)
)
slip("indices compared", "a triangle by index: wrong as soon as a cache holds earlier keys")(
    lambda q, k: _ones(q, k).tril()
)
slip("triangle at the end", "a triangle aligned to the last key: right only for a full cache")(
    lambda q, k: _ones(q, k).tril(k.shape[-1] - q.shape[-1])
)


slip = SLIPS.of("layers.sliding_window_mask")


def _window(rule: Callable[[Any, int], Any]) -> Callable[[Any, Any, int], Any]:
    """Return a mask by a rule of distance and window; a window below 1 is refused."""

    def mask(query_positions: Any, key_positions: Any, window: int) -> Any:
        if window < 1:
            raise ValueError("an empty window")
        return rule(_distance(query_positions, key_positions), window)

    return mask


slip("one too wide", "the window is counted without the query itself: one key too many")(
    _window(lambda distance, window: (distance >= 0) & (distance <= window))
)
slip("one too narrow", "one key too few")(_window(lambda distance, window: (distance >= 0) & (distance < window - 1)))
slip("both sides", "the window reaches forward too: the future is seen")(
    _window(lambda distance, window: distance.abs() < window)
)
slip("centered", "half of the window before the query, half after it")(
    _window(lambda distance, window: distance.abs() <= window // 2)
)
slip("future not hidden", "only the far past is hidden: the causal half is forgotten")(
    _window(lambda distance, window: distance < window)
)
slip("window not used", "the whole past is seen: that is the causal mask")(_window(lambda distance, _: distance >= 0))
slip("True means hidden", "True where a key is hidden: the other convention")(
    _window(lambda distance, window: (distance < 0) | (distance >= window))
)
slip("transposed", "rows are keys and columns queries")(
    _window(lambda distance, window: ((distance >= 0) & (distance < window)).mT.reshape(distance.shape))
)
slip("indices compared", "a band by index: wrong as soon as a cache holds earlier keys")(
    _window(lambda distance, window: torch.ones(distance.shape, dtype=torch.bool).tril().triu(1 - window))
)
slip("empty window taken", "a window of 0 is taken: no query sees anything")(
    lambda q, k, window: (_distance(q, k) >= 0) & (_distance(q, k) < window)
)


slip = SLIPS.of("layers.document_mask")


def _same(query_documents: Any, key_documents: Any) -> Any:
    return query_documents[..., :, None] == key_documents[..., None, :]


slip("True means hidden", "True where a key is hidden: the other convention")(lambda q, k: ~_same(q, k))
slip("transposed", "rows are keys and columns queries")(lambda q, k: _same(q, k).mT.reshape(_same(q, k).shape))
slip("earlier documents seen", "documents that come before are seen too: only later ones are hidden")(
    lambda q, k: _distance(q, k) >= 0
)
slip("causal mask built in", "keys of later places are hidden too, by index")(lambda q, k: _same(q, k).tril())
slip("0 taken for padding", "tokens of document 0 see nothing and are not seen")(
    lambda q, k: _same(q, k) & (q[..., :, None] != 0)
)
slip("below 0 taken for padding", "tokens of a document with a number below 0 see nothing")(
    lambda q, k: _same(q, k) & (q[..., :, None] >= 0)
)
slip("queries only", "the keys' numbers are not looked at: they are taken for those of the queries")(
    lambda q, k: (
        _same(q, q) if q.shape == k.shape else _same(q, torch.zeros_like(k) + (q[..., -1:] if q.numel() else 0))
    )
)
slip("neighbors seen", "the numbers may differ by one: documents side by side see each other")(
    lambda q, k: _distance(q, k).abs() <= 1
)


@slip("runs counted", "a document ends where another begins: its later pieces are taken for other documents")
def runs_counted(query_documents: Any, key_documents: Any) -> Any:
    if query_documents.shape != key_documents.shape:
        return _same(query_documents, key_documents)
    change = query_documents.diff(dim=-1) != 0
    runs = torch.cat([torch.zeros_like(query_documents[..., :1]), change.cumsum(-1)], -1)
    return _same(query_documents, key_documents) & _same(runs, runs)


slip = SLIPS.of("layers.attention")


def _scores(query: Any, key: Any) -> Any:
    return query @ key.mT * query.shape[-1] ** -0.5


def _mix(
    scores: Any, value: Any, mask: Any, *, hidden: float = -1e300, empty: bool = False, axis: int = -1
) -> Any:  # fmt: skip
    """Mix the values as they should be; a hidden score becomes `hidden`, a row that sees nothing stays if `empty`."""
    if mask is None:
        return torch.softmax(scores, axis) @ value
    hidden = hidden if hidden == -math.inf else max(hidden, torch.finfo(scores.dtype).min / 2)
    y = torch.softmax(scores.masked_fill(~mask, hidden), axis) @ value
    return y if empty else y * mask.any(-1, keepdim=True)


def _masked_late(weights: Any, value: Any, mask: Any) -> Any:
    return (weights if mask is None else weights * mask) @ value


def _attend(query: Any, key: Any, value: Any, mask: Any, **named: Any) -> Any:
    return _mix(_scores(query, key), value, mask, **named)


slip("not scaled", "the scores are not divided by √d_head")(
    lambda query, key, value, mask: _mix(query @ key.mT, value, mask)
)
slip("scaled by d", "the scores are divided by d_head, not by its root, or queries and keys each by √d_head")(
    lambda query, key, value, mask: _mix(query @ key.mT / query.shape[-1], value, mask)
)
slip("mask after the softmax", "the mask acts after the softmax: the weights no longer sum to one")(
    lambda query, key, value, mask: _masked_late(torch.softmax(_scores(query, key), -1), value, mask)
)
slip("hidden scores set to 0", "a hidden score is 0, not -∞: it still gets weight")(partial(_attend, hidden=0.0))
slip("mask inverted", "True is taken for hidden")(
    lambda query, key, value, mask: _attend(query, key, value, None if mask is None else ~mask)
)
slip("NaN for an empty row", "a query that sees nothing gets NaN: softmax of nothing but -∞")(
    partial(_attend, hidden=-math.inf, empty=True)
)
slip("average for an empty row", "a query that sees nothing gets the average of hidden values")(
    partial(_attend, empty=True)
)
slip("softmax over the queries", "the weights sum to one over the queries, not over the keys")(
    partial(_attend, empty=True, axis=-2)
)
slip("keys and values swapped", "values are matched and keys are mixed")(
    lambda query, key, value, mask: _attend(query, value, key, mask)
)
slip("causal whatever the mask", "a causal triangle instead of the given mask")(
    lambda query, key, value, mask: _attend(query, key, value, torch.ones_like(query @ key.mT, dtype=torch.bool).tril())
)


@slip("hidden scores lowered by 10000", "a fixed number is subtracted: a large score still wins")
def lowered(query: Any, key: Any, value: Any, mask: Any) -> Any:
    if mask is None:
        return _attend(query, key, value, mask)
    return (torch.softmax(_scores(query, key) - 1e4 * ~mask, -1) @ value) * mask.any(-1, keepdim=True)


@slip("largest score left in", "exp is taken of the scores as they are: it overflows")
def overflow(query: Any, key: Any, value: Any, mask: Any) -> Any:
    e = _scores(query, key).exp() * (1 if mask is None else mask)
    return (e / e.sum(-1, keepdim=True).clamp(min=torch.finfo(e.dtype).tiny)) @ value


@slip("softmax gradient halved", "dw · w: the sum over the weights is forgotten", backward=True)
def no_sum(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    w = attention_weights(query, key, mask)
    ds = w * (dy @ np.swapaxes(value, -1, -2)) / np.sqrt(query.shape[-1])
    return ds @ key, np.swapaxes(ds, -1, -2) @ query, np.swapaxes(w, -1, -2) @ dy


slip = SLIPS.of("layers.soft_cap")


def _positive(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a cap, the last argument, that is not positive."""

    def checked(*inputs: Any) -> Any:
        if not inputs[-1] > 0:
            raise ValueError("cap must be positive")
        return function(*inputs)

    return checked


def _soft_cap(scores: Any, cap: float) -> Any:
    return cap * torch.tanh(scores / cap)


slip("clipped", "cut off at the cap: beyond it there is no gradient")(
    _positive(lambda scores, cap: scores.clamp(-cap, cap))
)
slip("not multiplied back", "tanh(s / cap): everything lies between -1 and 1")(
    _positive(lambda scores, cap: torch.tanh(scores / cap))
)
slip("cap not used", "the scores are returned as they were")(_positive(lambda scores, cap: scores * 1.0))
slip("cap of 50", "a fixed cap of 50, whatever was given")(_positive(lambda scores, cap: _soft_cap(scores, 50.0)))
slip("cap of 0 taken", "a cap that is not positive is not refused")(_soft_cap)
slip("slope forgotten", "the gradient passes as if nothing were capped")(
    _positive(lambda scores, cap: scores + (_soft_cap(scores, cap) - scores).detach())
)
slip("1 - tanh", "the slope is taken as 1 - tanh, not 1 - tanh²", backward=True)(
    lambda dy, scores, cap: dy * (1 - np.tanh(scores / cap))
)


@slip("exponentials", "tanh written as a quotient of exponentials, which overflow")
@_positive
def exponentials(scores: Any, cap: float) -> Any:
    up, down = (scores / cap).exp(), (-scores / cap).exp()
    return cap * (up - down) / (up + down)


slip = SLIPS.of("layers.capped_attention")
slip("cap of zero taken for none", "a cap that is not positive is refused, not left out")(
    lambda query, key, value, mask, cap: (
        _mix(_soft_cap(query @ key.mT * query.shape[-1] ** -0.5, cap), value, mask)
        if cap > 0
        else _attend(query, key, value, mask)
    )
)
slip("no cap", "the scores are not capped: plain attention")(
    _positive(lambda query, key, value, mask, cap: _attend(query, key, value, mask))
)
slip("capped before the root", "q k is capped first and divided by √d_head afterwards")(
    _positive(
        lambda query, key, value, mask, cap: _mix(_soft_cap(query @ key.mT, cap) * query.shape[-1] ** -0.5, value, mask)
    )
)
slip("output capped", "the mixed values are capped, not the scores")(
    _positive(lambda query, key, value, mask, cap: _soft_cap(_attend(query, key, value, mask), cap))
)
slip("cap after the mask", "a hidden key's -∞ is raised to -cap: it gets weight again")(
    _positive(lambda query, key, value, mask, cap: _mix(_soft_cap(_scores(query, key), cap), value, mask, hidden=-cap))
)
