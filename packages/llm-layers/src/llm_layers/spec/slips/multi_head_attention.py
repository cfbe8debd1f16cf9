"""Mistakes with heads, with shared keys and values, and with kept ones."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from llm_layers import attention, cached_attention, causal_mask, multi_head_attention, split_heads
from llm_layers.reference.attention import attention_backward
from llm_layers.reference.multi_head_attention import (
    grouped_query_attention_backward,
    multi_head_attention_backward,
    multi_query_attention_backward,
    over_heads,
)
from llm_layers.reference.multi_head_attention import merge_heads as reference_merge
from llm_layers.reference.multi_head_attention import split_heads as reference_split
from llm_layers.spec import SPECIFICATION
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


slip = SLIPS.of("layers.multi_head_attention")
slip("one wide head", "one softmax for all heads: the number of heads is not used")(
    lambda x, query, key, value, output, heads, mask: multi_head_attention(x, query, key, value, output, 1, mask)
)
slip("scaled by d_model", "the scores are divided by √d_model, not by √d_head")(
    lambda x, query, key, value, output, heads, mask: multi_head_attention(
        x, query * (len(query) / heads / x.shape[-1]) ** 0.5, key, value, output, heads, mask
    )
)
slip("output weight forgotten", "the joined heads are returned as they are")(
    lambda x, query, key, value, output, heads, mask: multi_head_attention(
        x, query, key, value, torch.eye(*output.shape, dtype=x.dtype) + 0 * output, heads, mask
    )
)
slip("keys for values", "the values are made with the weight of the keys")(
    lambda x, query, key, value, output, heads, mask: multi_head_attention(
        x, query, key, key + 0 * value, output, heads, mask
    )
)
slip("queries and keys swapped", "keys ask and queries answer")(
    lambda x, query, key, value, output, heads, mask: multi_head_attention(x, key, query, value, output, heads, mask)
)


@slip("dx without the values", "dx forgets the way through the values", backward=True)
def without_the_values(dy: Any, x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    dx, *rest = multi_head_attention_backward(dy, x, query, key, value, output, heads, mask)
    q, k, v = (reference_split(x @ weight.T, heads) for weight in (query, key, value))
    dvalue = attention_backward(reference_split(dy @ output, heads), q, k, v, over_heads(mask))[2]
    return dx - reference_merge(dvalue) @ value, *rest


slip = SLIPS.of("layers.grouped_query_attention")


def _grouped(rule: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """Return the attention whose key and value heads are copied by a rule of them and the size of a group."""

    def grouped(query: Any, key: Any, value: Any, mask: Any) -> Any:
        _divides(query.shape[-3], key.shape[-3])
        group = query.shape[-3] // key.shape[-3]
        return attention(query, rule(key, group), rule(value, group), mask)

    return grouped


slip("heads tiled", "key heads copied 0 1 0 1 where 0 0 1 1 belongs")(
    _grouped(lambda x, group: torch.cat([x] * group, -3))
)
slip("first key head for all", "all query heads meet key head 0")(_grouped(lambda x, group: x[..., :1, :, :]))
slip("key heads averaged", "all query heads meet the mean of the key heads")(
    _grouped(lambda x, group: x.mean(-3, keepdim=True))
)


@slip("as many heads as fit", "a number of query heads that is no multiple of kv_heads is refused, not cut")
def heads_that_fit(query: Any, key: Any, value: Any, mask: Any) -> Any:
    heads = query.shape[-3]
    group = -(-heads // max(key.shape[-3], 1))
    keys, values = (x.repeat_interleave(group, -3)[..., :heads, :, :] for x in (key, value))
    return attention(query, keys, values, mask)


@slip("gradient averaged", "the mean over the group, where the sum belongs", backward=True)
def averaged(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    dquery, dkey, dvalue = grouped_query_attention_backward(dy, query, key, value, mask)
    group = query.shape[-3] // key.shape[-3]
    return dquery, dkey / group, dvalue / group


slip = SLIPS.of("layers.multi_query_attention")
slip("keys met by their index", "the keys' first axis is taken for heads: no axis was added")(attention)
slip("softmax over the heads", "the weights sum to one over the heads, not over the keys")(
    lambda query, key, value, mask: _over_the_heads(query, key.unsqueeze(-3), value.unsqueeze(-3), mask)
)


@slip("gradient averaged", "the mean over the heads, where the sum belongs", backward=True)
def averaged_over_the_heads(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    dquery, dkey, dvalue = multi_query_attention_backward(dy, query, key, value, mask)
    return dquery, dkey / query.shape[-3], dvalue / query.shape[-3]


@slip("one head's gradient", "only head 0 is counted for key and value", backward=True)
def of_one_head(dy: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    dquery = multi_query_attention_backward(dy, query, key, value, mask)[0]
    return dquery, *multi_query_attention_backward(dy[..., :1, :, :], query[..., :1, :, :], key, value, mask)[1:]


slip = SLIPS.of("layers.cached_attention")


def _cached(change: Callable[[Any], dict[str, Any]]) -> Callable[..., Any]:
    """Return the attention that is handed other arguments: those that `change` makes of the given ones."""

    def cached(*inputs: Any) -> Any:
        names = (argument.name for argument in SPECIFICATION.contract("layers.cached_attention").inputs)
        given = dict(zip(names, inputs, strict=True))
        return cached_attention(**(given | change(SimpleNamespace(**given))))

    return cached


def _masked(mask: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the attention with another mask, made of the new and of the kept positions."""
    return lambda query, key, value, positions, past_key, past_value, past: attention(
        query, torch.cat((past_key, key), -2), torch.cat((past_value, value), -2), mask(positions, past)
    )


def _triangle(positions: Any, past: Any) -> Any:
    return torch.ones(len(positions), len(past) + len(positions), dtype=torch.bool)


slip("kept ones forgotten", "the new ones see only each other")(
    _cached(
        lambda p: {
            "past_key": p.past_key[..., :0, :],
            "past_value": p.past_value[..., :0, :],
            "past_positions": p.past_positions[:0],
        }
    )
)
slip("new ones not joined", "the new ones see only what was kept, not themselves")(
    lambda query, key, value, positions, past_key, past_value, past: attention(
        query, past_key, past_value, causal_mask(positions, past)
    )
)
slip("triangle from the first key", "a triangle by index: the first new one sees only the first key")(
    _masked(lambda positions, past: _triangle(positions, past).tril())
)
slip("triangle to the last key", "a triangle by index: right only if all kept ones are earlier")(
    _masked(lambda positions, past: _triangle(positions, past).tril(len(past)))
)
slip("positions from 0", "the new ones are numbered from 0, as if nothing had been read")(
    _cached(lambda p: {"positions": torch.arange(len(p.positions))})
)
slip("keys numbered by index", "the keys are numbered 0, 1, 2 …: wrong once old ones were dropped")(
    _masked(lambda positions, past: causal_mask(positions, torch.arange(len(past) + len(positions))))
)
slip("kept ones held constant", "no gradient reaches the kept keys and values (detached)")(
    _cached(lambda p: {"past_key": p.past_key.detach(), "past_value": p.past_value.detach()})
)
slip("kept keys rotated again", "the kept keys, rotated when they were new, are rotated once more")(
    _cached(lambda p: {"past_key": rotary(p.past_key, p.past_positions, 1e4)})
)
slip("new keys rotated by their index", "the new keys are rotated as if they began at position 0")(
    _cached(lambda p: {"key": rotary(p.key, torch.arange(len(p.positions)) - p.positions, 1e4)})
)
