"""Mistakes with heads, with shared keys and values, and with kept ones."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from llm_layers import attention, merge_heads, split_heads
from llm_layers.reference.attention import attention_backward
from llm_layers.reference.multi_head_attention import merge_heads as reference_merge
from llm_layers.reference.multi_head_attention import multi_head_attention_backward as multi_head_backward
from llm_layers.reference.multi_head_attention import over_heads
from llm_layers.reference.multi_head_attention import split_heads as reference_split
from llm_layers.spec.ours import rotary
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.split_heads")


def _over_the_heads(query: Any, key: Any, value: Any, mask: Any) -> Any:
    weights = torch.softmax(query @ key.mT * query.shape[-1] ** -0.5, -3)
    return (weights if mask is None else weights * mask) @ value


def _divides(whole: int, part: int) -> None:
    if part < 1 or whole % part:
        raise ValueError(f"{part} does not divide {whole}")


def _cut(rule: Callable[[Any, int, int], Any]) -> Callable[[Any, int], Any]:
    """Return a cut by a rule of x, heads and d_head; heads that do not divide the width are refused."""

    def split_heads(x: Any, heads: int) -> Any:
        _divides(x.shape[-1], heads)
        return rule(x, heads, x.shape[-1] // heads)

    return split_heads


slip("reshaped only", "cut and renamed without a transposition: positions and heads mix")(
    _cut(lambda x, heads, d_head: x.reshape(*x.shape[:-2], heads, x.shape[-2], d_head))
)
slip("heads interleaved", "every heads-th value belongs to a head: 0 2 4 | 1 3 5")(
    _cut(lambda x, heads, d_head: x.unflatten(-1, (d_head, heads)).transpose(-1, -2).transpose(-2, -3))
)
slip("heads left behind", "the heads come after the positions: not transposed")(
    _cut(lambda x, heads, d_head: x.unflatten(-1, (heads, d_head)))
)
slip("heads and d_head swapped", "as many heads as d_head, each as wide as there are heads")(
    _cut(lambda x, heads, d_head: x.unflatten(-1, (d_head, heads)).transpose(-2, -3))
)
slip("rest cut off", "a width that does not divide is cut to one that does")(
    lambda x, heads: split_heads(x[..., : x.shape[-1] // max(heads, 1) * max(heads, 1)], max(heads, 1))
)
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
slip("gradient reshaped only", "the gradient is cut without a transposition", backward=True)(
    lambda dy, x: dy.reshape(x.shape)
)


def _multi_head(
    x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any,
    *, split: Any = split_heads, merge: Any = merge_heads, attend: Any = attention,
) -> Any:  # fmt: skip
    q, k, v = (split(x @ weight.T, heads) for weight in (query, key, value))
    return merge(attend(q, k, v, mask)) @ output.T


slip = SLIPS.of("layers.multi_head_attention")
slip("one wide head", "one softmax for all heads: the number of heads is not used")(
    lambda x, query, key, value, output, heads, mask: _multi_head(x, query, key, value, output, 1, mask)
)
slip("scaled by d_model", "the scores are divided by √d_model, not by √d_head")(
    lambda x, query, key, value, output, heads, mask: _multi_head(
        x, query * (len(query) / heads / x.shape[-1]) ** 0.5, key, value, output, heads, mask
    )
)
slip("cut without a transposition", "positions and heads mix where heads are cut")(
    partial(_multi_head, split=lambda y, h: y.reshape(*y.shape[:-2], h, y.shape[-2], y.shape[-1] // h))
)
slip("joined without a transposition", "positions and heads mix where heads are joined")(
    partial(_multi_head, merge=lambda y: y.reshape(*y.shape[:-3], y.shape[-2], y.shape[-3] * y.shape[-1]))
)
slip("heads interleaved", "a head's rows are spread over the weights")(
    partial(
        _multi_head,
        split=lambda y, h: y.unflatten(-1, (y.shape[-1] // h, h)).movedim(-1, -3),
        merge=lambda y: y.movedim(-3, -1).flatten(-2),
    )
)
slip("softmax over the heads", "the weights sum to one over the heads, not over the keys")(
    partial(_multi_head, attend=_over_the_heads)
)


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


def _without(*left_out: str) -> Callable[..., Any]:
    """Return the gradient whose dx lacks the way through these."""

    def backward(dy: Any, x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
        weights = {"query": query, "key": key, "value": value}
        q, k, v = (reference_split(x @ weight.T, heads) for weight in weights.values())
        found = attention_backward(reference_split(dy @ output, heads), q, k, v, over_heads(mask))
        ways = zip(weights.items(), found, strict=True)
        dx = sum(reference_merge(gradient) @ weight for (name, weight), gradient in ways if name not in left_out)
        return dx, *multi_head_backward(dy, x, query, key, value, output, heads, mask)[1:]

    return backward


slip("dx without the values", "dx forgets the way through the values", backward=True)(_without("value"))


slip = SLIPS.of("layers.grouped_query_attention")


def _grouped(rule: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    """Return the attention whose key and value heads are copied by a rule of theirs and the size of a group."""

    def grouped(query: Any, key: Any, value: Any, mask: Any) -> Any:
        _divides(query.shape[-3], key.shape[-3])
        return attention(query, *rule(key, value, query.shape[-3] // key.shape[-3]), mask)

    return grouped


@slip("as many heads as fit", "a number of query heads that is no multiple of kv_heads is refused, not cut")
def heads_that_fit(query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = -(-query.shape[-3] // max(key.shape[-3], 1))
    keys, values = (_repeated(x, group)[..., : query.shape[-3], :, :] for x in (key, value))
    return attention(query, keys, values, mask)


def _repeated(x: Any, group: int) -> Any:
    return x.repeat_interleave(group, -3)


def _tiled(x: Any, group: int) -> Any:
    return torch.cat([x] * group, -3)


slip("heads tiled", "key heads copied 0 1 0 1 where 0 0 1 1 belongs")(
    _grouped(lambda key, value, group: (_tiled(key, group), _tiled(value, group)))
)
slip("values tiled", "keys copied 0 0 1 1, values 0 1 0 1")(
    _grouped(lambda key, value, group: (_repeated(key, group), _tiled(value, group)))
)
slip("first key head for all", "all query heads meet key head 0")(
    _grouped(lambda key, value, group: (key[..., :1, :, :], value[..., :1, :, :]))
)
slip("key heads averaged", "all query heads meet the mean of the key heads")(
    _grouped(lambda key, value, group: (key.mean(-3, keepdim=True), value.mean(-3, keepdim=True)))
)


@slip("query heads grouped by strides", "the queries cut (group, kv_heads), not (kv_heads, group)")
def strided_groups(query: Any, key: Any, value: Any, mask: Any) -> Any:
    _divides(query.shape[-3], key.shape[-3])
    grouped = query.unflatten(-3, (query.shape[-3] // key.shape[-3], key.shape[-3]))
    return attention(grouped, key.unsqueeze(-4), value.unsqueeze(-4), mask).transpose(-3, -4).flatten(-4, -3)


def _gathered(rule: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """Return the gradient that gathers those of the copied heads by a rule of them and the size of a group."""

    def backward(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
        group = query.shape[-3] // key.shape[-3]
        copies = np.repeat(key, group, axis=-3), np.repeat(value, group, axis=-3)
        dquery, dkey, dvalue = attention_backward(dy, query, *copies, over_heads(mask))
        return dquery, rule(dkey, group), rule(dvalue, group)

    return backward


slip("gradient averaged", "the mean over the group, where the sum belongs", backward=True)(
    _gathered(lambda d, group: d.reshape(*d.shape[:-3], -1, group, *d.shape[-2:]).mean(axis=-3))
)
slip("one copy's gradient", "only the first head of a group is counted", backward=True)(
    _gathered(lambda d, group: d[..., ::group, :, :])
)


slip = SLIPS.of("layers.multi_query_attention")


def _shared(query: Any, key: Any, value: Any, mask: Any, attend: Callable[..., Any] = attention) -> Any:
    return attend(query, key.unsqueeze(-3), value.unsqueeze(-3), mask)


slip("keys met by their index", "the keys' first axis is taken for heads: no axis was added")(attention)
slip("softmax over the heads", "the weights sum to one over the heads, not over the keys")(
    partial(_shared, attend=_over_the_heads)
)


def _shared_backward(rule: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the gradient that gathers those of the heads by a rule."""

    def backward(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
        shared = key[..., None, :, :], value[..., None, :, :]
        dquery, dkey, dvalue = attention_backward(dy, query, *shared, over_heads(mask))
        return dquery, rule(dkey), rule(dvalue)

    return backward


slip("gradient averaged", "the mean over the heads, where the sum belongs", backward=True)(
    _shared_backward(lambda d: d.mean(axis=-3))
)
slip("one head's gradient", "only head 0 is counted for key and value", backward=True)(
    _shared_backward(lambda d: d[..., 0, :, :])
)


slip = SLIPS.of("layers.cached_attention")


def _seen(positions: Any, key_positions: Any) -> Any:
    return key_positions[None, :] <= positions[:, None]


def _triangle(positions: Any, past: Any) -> Any:
    return torch.ones(len(positions), len(past) + len(positions), dtype=torch.bool)


def _cached(
    mask: Callable[[Any, Any], Any] = lambda positions, past: _seen(positions, torch.cat((past, positions))),
    keys: Callable[..., Any] = lambda past_key, key, past, positions: torch.cat((past_key, key), -2),
    values: Callable[[Any, Any], Any] = lambda past_value, value: torch.cat((past_value, value), -2),
) -> Callable[..., Any]:
    """Return the attention of which one step is replaced: the mask, or how keys or values are joined."""

    def cached(
        query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any
    ) -> Any:  # fmt: skip
        joined = keys(past_key, key, past, positions), values(past_value, value)
        return attention(query, *joined, mask(positions, past))

    return cached


slip("kept ones forgotten", "the new ones see only each other")(
    lambda query, key, value, positions, past_key, past_value, past: (
        attention(query, key, value, _seen(positions, positions)) + 0 * (past_key.sum() + past_value.sum())
    )
)
slip("new ones not joined", "the new ones see only what was kept, not themselves")(
    lambda query, key, value, positions, past_key, past_value, past: (
        attention(query, past_key, past_value, _seen(positions, past)) + 0 * (key.sum() + value.sum())
    )
)
slip("triangle from the first key", "a triangle by index: the first new one sees only the first key")(
    _cached(lambda positions, past: _triangle(positions, past).tril())
)
slip("triangle to the last key", "a triangle by index: right only if all kept ones are earlier")(
    _cached(lambda positions, past: _triangle(positions, past).tril(len(past)))
)
slip("positions from 0", "the new ones are numbered from 0, as if nothing had been read")(
    _cached(
        lambda positions, past: _seen(torch.arange(len(positions)), torch.cat((past, torch.arange(len(positions)))))
    )
)
slip("keys numbered by index", "the keys are numbered 0, 1, 2 …: wrong once old ones were dropped")(
    _cached(lambda positions, past: _seen(positions, torch.arange(len(past) + len(positions))))
)
slip("values in another order", "keys are joined kept first, values new first")(
    _cached(values=lambda past_value, value: torch.cat((value, past_value), -2))
)
slip("positions in another order", "keys are joined kept first, positions new first")(
    _cached(lambda positions, past: _seen(positions, torch.cat((positions, past))))
)
slip("kept ones held constant", "no gradient reaches the kept keys and values (detached)")(
    _cached(
        keys=lambda past_key, key, past, positions: torch.cat((past_key.detach(), key), -2),
        values=lambda past_value, value: torch.cat((past_value.detach(), value), -2),
    )
)
slip("kept keys rotated again", "the kept keys, rotated when they were new, are rotated once more")(
    _cached(keys=lambda past_key, key, past, positions: torch.cat((rotary(past_key, past, 1e4), key), -2))
)
slip("new keys rotated by their index", "the new keys are rotated as if they began at position 0")(
    _cached(
        keys=lambda past_key, key, past, positions: torch.cat(
            (past_key, rotary(rotary(key, -positions, 1e4), torch.arange(len(positions)), 1e4)), -2
        )
    )
)
