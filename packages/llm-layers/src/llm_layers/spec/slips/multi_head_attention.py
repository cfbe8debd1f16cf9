"""Mistakes with heads, with shared keys and values, and with kept ones."""

from functools import partial
from typing import Any

import numpy as np
import torch

from llm_layers.reference.attention import attention_backward
from llm_layers.reference.mask import causal_mask as reference_mask
from llm_layers.reference.multi_head_attention import grouped_query_attention_backward as grouped_backward
from llm_layers.reference.multi_head_attention import merge_heads as reference_merge
from llm_layers.reference.multi_head_attention import multi_head_attention_backward as multi_head_backward
from llm_layers.reference.multi_head_attention import over_heads
from llm_layers.reference.multi_head_attention import split_heads as reference_split
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.split_heads")


def _split(x: Any, heads: int) -> Any:
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(-2, -3)


def _merge(x: Any) -> Any:
    return x.transpose(-2, -3).flatten(-2)


def _attend(query: Any, key: Any, value: Any, mask: Any, scale: float | None = None, low: float = -1e300) -> Any:
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is None:
        return torch.softmax(scores, -1) @ value
    hidden = max(low, torch.finfo(scores.dtype).min / 2)
    return (torch.softmax(scores.masked_fill(~mask, hidden), -1) @ value) * mask.any(-1, keepdim=True)


def _attend_masked_late(query: Any, key: Any, value: Any, mask: Any) -> Any:
    weights = torch.softmax(query @ key.mT * query.shape[-1] ** -0.5, -1)
    return (weights if mask is None else weights * mask) @ value


def _divides(whole: int, part: int) -> None:
    if part < 1 or whole % part:
        raise ValueError(f"{part} does not divide {whole}")


@slip("reshaped only", "cut and named anew without a transposition: positions and heads mix")
def split_reshaped(x: Any, heads: int) -> Any:
    _divides(x.shape[-1], heads)
    return x.reshape(*x.shape[:-2], heads, x.shape[-2], x.shape[-1] // heads)


@slip("heads interleaved", "every heads-th number belongs to a head: 0 2 4 | 1 3 5")
def split_interleaved(x: Any, heads: int) -> Any:
    _divides(x.shape[-1], heads)
    return x.unflatten(-1, (x.shape[-1] // heads, heads)).transpose(-1, -2).transpose(-2, -3)


@slip("heads left behind", "the heads stand behind the positions: not transposed")
def split_behind(x: Any, heads: int) -> Any:
    _divides(x.shape[-1], heads)
    return x.unflatten(-1, (heads, x.shape[-1] // heads))


@slip("heads and d_head swapped", "as many heads as d_head, each as wide as there are heads")
def split_swapped(x: Any, heads: int) -> Any:
    _divides(x.shape[-1], heads)
    return x.unflatten(-1, (x.shape[-1] // heads, heads)).transpose(-2, -3)


@slip("heads in reverse", "the last block of numbers became head 0")
def split_reversed(x: Any, heads: int) -> Any:
    _divides(x.shape[-1], heads)
    return _split(x, heads).flip(-3)


@slip("rest cut off", "a width that does not divide is cut to one that does")
def split_cut(x: Any, heads: int) -> Any:
    heads = max(heads, 1)
    return _split(x[..., : x.shape[-1] // heads * heads], heads)


slip("gradient reshaped only", "the gradient is joined without a transposition", backward=True)(
    lambda dy, x, heads: dy.reshape(x.shape)
)


slip = SLIPS.of("layers.merge_heads")
slip("reshaped only", "joined without a transposition: positions and heads mix")(
    lambda x: x.reshape(*x.shape[:-3], x.shape[-2], x.shape[-3] * x.shape[-1])
)
slip("heads interleaved", "number 0 of every head, then number 1 of every head")(
    lambda x: x.transpose(-2, -3).transpose(-1, -2).flatten(-2)
)
slip("heads averaged", "the mean of the heads, repeated to the right width")(
    lambda x: torch.cat([x.mean(-3)] * x.shape[-3], -1)
)
slip("heads in reverse", "the last head came first")(lambda x: _merge(x.flip(-3)))
slip("first head only", "head 0 in the place of every head")(lambda x: torch.cat([x[..., 0, :, :]] * x.shape[-3], -1))
slip("gradient reshaped only", "the gradient is cut without a transposition", backward=True)(
    lambda dy, x: dy.reshape(x.shape)
)


def _multi_head(
    x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any,
    split: Any = _split, merge: Any = _merge, attend: Any = _attend,
) -> Any:  # fmt: skip
    q, k, v = (split(x @ weight.T, heads) for weight in (query, key, value))
    return merge(attend(q, k, v, mask)) @ output.T


slip = SLIPS.of("layers.multi_head_attention")
slip("one wide head", "one softmax for all heads: the number of heads is not used")(
    lambda x, query, key, value, output, heads, mask: _multi_head(x, query, key, value, output, 1, mask)
)


@slip("scaled by d_model", "the scores are divided by √d_model, not by √d_head")
def heads_scaled_by_width(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    scale = x.shape[-1] ** -0.5
    return _multi_head(
        x, query, key, value, output, heads, mask, attend=lambda q, k, v, seen: _attend(q, k, v, seen, scale)
    )


slip("cut without a transposition", "positions and heads mix where heads are cut")(
    partial(_multi_head, split=lambda y, h: y.reshape(*y.shape[:-2], h, y.shape[-2], y.shape[-1] // h))
)
slip("joined without a transposition", "positions and heads mix where heads are joined")(
    partial(_multi_head, merge=lambda y: y.reshape(*y.shape[:-3], y.shape[-2], y.shape[-3] * y.shape[-1]))
)


@slip("heads interleaved", "a head's rows are spread over the weights")
def heads_interleaved(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    return _multi_head(
        x, query, key, value, output, heads, mask,
        split=lambda y, h: y.unflatten(-1, (y.shape[-1] // h, h)).movedim(-1, -3),
        merge=lambda y: y.movedim(-3, -1).flatten(-2),
    )  # fmt: skip


@slip("softmax over the heads", "the shares add up over the heads, not over the keys")
def over_the_heads(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    def attend(q: Any, k: Any, v: Any, seen: Any) -> Any:
        weights = torch.softmax(q @ k.mT * q.shape[-1] ** -0.5, -3)
        return (weights if seen is None else weights * seen) @ v

    return _multi_head(x, query, key, value, output, heads, mask, attend=attend)


@slip("mask for the first head only", "the other heads see everything")
def heads_first_masked(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    if mask is not None:
        first = torch.arange(heads)[:, None, None] == 0
        mask = (mask | ~first) & mask.any(-1, keepdim=True)
    return _multi_head(x, query, key, value, output, heads, mask)


slip("mask inverted", "True is taken for hidden, as in torch.nn.MultiheadAttention")(
    lambda x, query, key, value, output, heads, mask: _multi_head(
        x, query, key, value, output, heads, None if mask is None else ~mask
    )
)
slip("output weight forgotten", "the joined heads are returned as they are")(
    lambda x, query, key, value, output, heads, mask: _multi_head(
        x, query, key, value, torch.eye(*output.shape, dtype=x.dtype) + 0 * output, heads, mask
    )
)
slip("weights on the right", "x W where x Wᵀ belongs: weights are stored (out, in)")(
    lambda x, query, key, value, output, heads, mask: _multi_head(x, query.T, key.T, value.T, output.T, heads, mask)
)
slip("keys for values", "the values are made with the weight of the keys")(
    lambda x, query, key, value, output, heads, mask: _multi_head(x, query, key, key + 0 * value, output, heads, mask)
)
slip("queries and keys swapped", "keys ask and queries answer")(
    lambda x, query, key, value, output, heads, mask: _multi_head(x, key, query, value, output, heads, mask)
)


@slip("dx of the queries alone", "dx forgets the keys and the values", backward=True)
def heads_dx_of_queries(
    dy: Any, x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any
) -> Any:  # fmt: skip
    q, k, v = (reference_split(x @ weight.T, heads) for weight in (query, key, value))
    dq, _, _ = attention_backward(reference_split(dy @ output, heads), q, k, v, over_heads(mask))
    return reference_merge(dq) @ query, *multi_head_backward(dy, x, query, key, value, output, heads, mask)[1:]


@slip("dx without the values", "dx forgets the way through the values", backward=True)
def heads_dx_without_values(
    dy: Any, x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any
) -> Any:  # fmt: skip
    q, k, v = (reference_split(x @ weight.T, heads) for weight in (query, key, value))
    dq, dk, _ = attention_backward(reference_split(dy @ output, heads), q, k, v, over_heads(mask))
    dx = reference_merge(dq) @ query + reference_merge(dk) @ key
    return dx, *multi_head_backward(dy, x, query, key, value, output, heads, mask)[1:]


def _grouped(query: Any, key: Any, value: Any, mask: Any, **named: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    group = query.shape[-3] // key.shape[-3]
    return _attend(query, key.repeat_interleave(group, -3), value.repeat_interleave(group, -3), mask, **named)


def _tiled(x: Any, group: int) -> Any:
    return torch.cat([x] * group, -3)


slip = SLIPS.of("layers.grouped_query_attention")


@slip("heads tiled", "key heads copied 0 1 0 1 where 0 0 1 1 belongs")
def tiled(query: Any, key: Any, value: Any, mask: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    group = query.shape[-3] // key.shape[-3]
    return _attend(query, _tiled(key, group), _tiled(value, group), mask)


@slip("values tiled", "keys copied 0 0 1 1, values 0 1 0 1")
def values_tiled(query: Any, key: Any, value: Any, mask: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    group = query.shape[-3] // key.shape[-3]
    return _attend(query, key.repeat_interleave(group, -3), _tiled(value, group), mask)


@slip("query heads grouped by strides", "the queries cut (group, kv_heads), not (kv_heads, group)")
def strided_groups(query: Any, key: Any, value: Any, mask: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    grouped = query.unflatten(-3, (query.shape[-3] // key.shape[-3], key.shape[-3]))
    return _attend(grouped, key.unsqueeze(-4), value.unsqueeze(-4), mask).transpose(-3, -4).flatten(-4, -3)


@slip("first key head for all", "all query heads meet key head 0")
def first_for_all(query: Any, key: Any, value: Any, mask: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    return _attend(query, key[..., :1, :, :], value[..., :1, :, :], mask)


@slip("key heads averaged", "all query heads meet the mean of the key heads")
def key_heads_averaged(query: Any, key: Any, value: Any, mask: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    return _attend(query, key.mean(-3, keepdim=True), value.mean(-3, keepdim=True), mask)


slip("scaled by all heads", "divided by the root of heads · d_head, not of d_head")(
    lambda query, key, value, mask: _grouped(query, key, value, mask, scale=(query.shape[-3] * query.shape[-1]) ** -0.5)
)


@slip("gradient averaged", "the mean over the group, where the sum belongs", backward=True)
def gradient_averaged(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = query.shape[-3] // key.shape[-3]
    dquery, dkey, dvalue = grouped_backward(dy, query, key, value, mask)
    return dquery, dkey / group, dvalue / group


@slip("one copy's gradient", "only the first head of a group is counted", backward=True)
def gradient_of_one(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = query.shape[-3] // key.shape[-3]
    copies = np.repeat(key, group, axis=-3), np.repeat(value, group, axis=-3)
    dquery, dkey, dvalue = attention_backward(dy, query, *copies, over_heads(mask))
    return dquery, dkey[..., ::group, :, :], dvalue[..., ::group, :, :]


@slip("gradient gathered by strides", "summed over heads 0 2, 1 3", backward=True)
def gradient_tiled(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = query.shape[-3] // key.shape[-3]
    copies = np.repeat(key, group, axis=-3), np.repeat(value, group, axis=-3)
    dquery, dkey, dvalue = attention_backward(dy, query, *copies, over_heads(mask))
    strided = (*key.shape[:-3], group, key.shape[-3], *key.shape[-2:])
    return dquery, dkey.reshape(strided).sum(axis=-4), dvalue.reshape(strided).sum(axis=-4)


def _shared(query: Any, key: Any, value: Any, mask: Any, **named: Any) -> Any:
    return _attend(query, key.unsqueeze(-3), value.unsqueeze(-3), mask, **named)


slip = SLIPS.of("layers.multi_query_attention")
slip("one question", "all heads give what head 0 asks for")(
    lambda query, key, value, mask: _shared(query[..., :1, :, :].expand_as(query), key, value, mask)
)
slip("questions averaged", "the heads' queries are averaged before they ask")(
    lambda query, key, value, mask: _shared(query.mean(-3, keepdim=True).expand_as(query), key, value, mask)
)
slip("keys met by their index", "the keys' first axis is taken for heads: no axis was added")(_attend)


@slip("softmax over the heads", "the shares add up over the heads, not over the keys")
def shared_over_heads(query: Any, key: Any, value: Any, mask: Any) -> Any:
    weights = torch.softmax(query @ key.unsqueeze(-3).mT * query.shape[-1] ** -0.5, -3)
    return (weights if mask is None else weights * mask) @ value.unsqueeze(-3)


@slip("gradient averaged", "the mean over the heads, where the sum belongs", backward=True)
def shared_averaged(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    shared = key[..., None, :, :], value[..., None, :, :]
    dquery, dkey, dvalue = attention_backward(dy, query, *shared, over_heads(mask))
    return dquery, dkey.mean(axis=-3), dvalue.mean(axis=-3)


@slip("one head's gradient", "only head 0 is counted for key and value", backward=True)
def shared_of_one(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    shared = key[..., None, :, :], value[..., None, :, :]
    dquery, dkey, dvalue = attention_backward(dy, query, *shared, over_heads(mask))
    return dquery, dkey[..., 0, :, :], dvalue[..., 0, :, :]


def _seen(positions: Any, places: Any) -> Any:
    return places[None, :] <= positions[:, None]


slip = SLIPS.of("layers.cached_attention")
slip("kept ones forgotten", "the new ones see only each other")(
    lambda query, key, value, positions, past_key, past_value, past: (
        _attend(query, key, value, _seen(positions, positions)) + 0 * (past_key.sum() + past_value.sum())
    )
)
slip("new ones not joined", "the new ones see only what was kept, not themselves")(
    lambda query, key, value, positions, past_key, past_value, past: (
        _attend(query, past_key, past_value, _seen(positions, past)) + 0 * (key.sum() + value.sum())
    )
)


def _joined(query: Any, key: Any, value: Any, past_key: Any, past_value: Any, mask: Any) -> Any:
    return _attend(query, torch.cat((past_key, key), -2), torch.cat((past_value, value), -2), mask)


@slip("triangle from the first key", "a triangle by index: the first new one sees only the first key")
def from_the_first(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = torch.ones(len(positions), len(past) + len(positions), dtype=torch.bool).tril()
    return _joined(query, key, value, past_key, past_value, mask)


@slip("triangle to the last key", "a triangle by index: right only if all kept ones are earlier")
def to_the_last(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = torch.ones(len(positions), len(past) + len(positions), dtype=torch.bool).tril(len(past))
    return _joined(query, key, value, past_key, past_value, mask)


@slip("positions from 0", "the new ones are numbered from 0, as if nothing had been read")
def from_zero(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    places = torch.arange(len(positions))
    return _joined(query, key, value, past_key, past_value, _seen(places, torch.cat((past, places))))


@slip("keys numbered by index", "the keys are numbered 0, 1, 2 …: wrong once old ones were dropped")
def numbered_by_index(
    query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any
) -> Any:  # fmt: skip
    places = torch.arange(len(past) + len(positions))
    return _joined(query, key, value, past_key, past_value, _seen(positions, places))


@slip("not even itself", "strictly earlier: a new one does not see itself")
def not_itself(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = torch.cat((past, positions))[None, :] < positions[:, None]
    return _joined(query, key, value, past_key, past_value, mask)


@slip("values in another order", "keys are joined kept first, values new first")
def values_first(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    keys, values = torch.cat((past_key, key), -2), torch.cat((value, past_value), -2)
    return _attend(query, keys, values, _seen(positions, torch.cat((past, positions))))


slip("positions in another order", "keys are joined kept first, positions new first")(
    lambda query, key, value, positions, past_key, past_value, past: _joined(
        query, key, value, past_key, past_value, _seen(positions, torch.cat((positions, past)))
    )
)


def _turn(x: Any, positions: Any) -> Any:
    """Rotary positions, written out once more."""
    half = x.shape[-1] // 2
    speeds = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / max(half, 1))
    angle = positions[:, None].to(x.dtype) * speeds
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), -1)


@slip("kept keys turned again", "the kept keys, turned when they were new, are turned once more")
def turned_again(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = _seen(positions, torch.cat((past, positions)))
    return _joined(query, key, value, _turn(past_key, past), past_value, mask)


@slip("new keys turned by their index", "the new keys are turned as if they stood from 0 on")
def turned_by_index(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = _seen(positions, torch.cat((past, positions)))
    back = _turn(_turn(key, -positions), torch.arange(len(positions)))
    return _joined(query, back, value, past_key, past_value, mask)


@slip("kept ones held constant", "no gradient reaches the kept keys and values (detached)")
def held_constant(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = _seen(positions, torch.cat((past, positions)))
    return _joined(query, key, value, past_key.detach(), past_value.detach(), mask)


@slip("gradient cut too early", "the joined gradient is cut as if the new ones came first", backward=True)
def cut_early(
    dy: Any, query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any
) -> Any:  # fmt: skip
    keys, values = np.concatenate((past_key, key), axis=-2), np.concatenate((past_value, value), axis=-2)
    mask = reference_mask(positions, np.concatenate((past, positions)))
    dquery, dkeys, dvalues = attention_backward(dy, query, keys, values, mask)
    new = key.shape[-2]
    return dquery, dkeys[..., :new, :], dvalues[..., :new, :], dkeys[..., new:, :], dvalues[..., new:, :]
