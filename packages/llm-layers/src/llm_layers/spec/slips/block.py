"""Mistakes in putting a block together. The parts are right; one joint is wrong."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers import attention, causal_mask, rms_norm, rotary, swiglu
from llm_layers.spec.contracts.block import BLOCK
from llm_tokenizer.conformance import Alternative, slip

NAMES = [argument.name for argument in BLOCK.inputs]


def _mistake(name: str, hint: str, **wrong: Callable[..., Any]) -> Alternative:
    """A block in which the named joints are replaced."""

    def block(*inputs: Any) -> Any:
        part = SimpleNamespace(**dict(zip(NAMES, inputs, strict=True)), **(RIGHT | wrong))
        return part.join(part)

    return slip("layers.block", name, hint)(block)


def _prepare(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return rotary(rms_norm(p.split(projected, count), gain, p.eps), p.positions, p.rope_base)


def _split(x: Any, count: int) -> Any:
    return x.unflatten(-1, (count, -1)).transpose(-2, -3)


def _look(p: Any, x: Any) -> Any:
    """The attention half, without its norm and without the stream."""
    query = p.prepare(p, x @ p.query.T, p.query_norm, p.heads)
    key = p.prepare_key(p, x @ p.key.T, p.key_norm, p.kv_heads)
    value = p.prepare_value(p, x @ p.value.T)
    key, value = (p.share(part, p.heads // p.kv_heads) for part in (key, value))
    return p.merge(p.attend(query, key, value, p.mask(p))) @ p.output.T


def _think(p: Any, x: Any) -> Any:
    return swiglu(x, p.gate, p.up, p.down)


def _join(p: Any) -> Any:
    h = p.x + _look(p, rms_norm(p.x, p.attention_norm, p.eps))
    return h + _think(p, rms_norm(h, p.feed_forward_norm, p.eps))


RIGHT: dict[str, Callable[..., Any]] = {
    "join": _join,
    "split": _split,
    "prepare": _prepare,
    "prepare_key": _prepare,
    "prepare_value": lambda p, projected: p.split(projected, p.kv_heads),
    "share": lambda part, group: part.repeat_interleave(group, dim=-3),
    "mask": lambda p: causal_mask(p.positions, p.positions),
    "attend": attention,
    "merge": lambda y: y.transpose(-2, -3).flatten(-2),
}


def _post_norm(p: Any) -> Any:
    h = rms_norm(p.x + _look(p, p.x), p.attention_norm, p.eps)
    return rms_norm(h + _think(p, h), p.feed_forward_norm, p.eps)


def _no_stream(p: Any) -> Any:
    h = p.x + _look(p, rms_norm(p.x, p.attention_norm, p.eps))
    return _think(p, rms_norm(h, p.feed_forward_norm, p.eps))


def _side_by_side(p: Any) -> Any:
    looked = _look(p, rms_norm(p.x, p.attention_norm, p.eps))
    return p.x + looked + _think(p, rms_norm(p.x, p.feed_forward_norm, p.eps))


def _from_the_start(p: Any) -> Any:
    h = p.x + _look(p, rms_norm(p.x, p.attention_norm, p.eps))
    return p.x + _think(p, rms_norm(h, p.feed_forward_norm, p.eps))


def _normed_stream(p: Any) -> Any:
    normed = rms_norm(p.x, p.attention_norm, p.eps)
    h = normed + _look(p, normed)
    return h + _think(p, rms_norm(h, p.feed_forward_norm, p.eps))


def _one_norm(p: Any) -> Any:
    h = p.x + _look(p, rms_norm(p.x, p.attention_norm, p.eps))
    return h + _think(p, rms_norm(h, p.attention_norm, p.eps))


def _no_second_norm(p: Any) -> Any:
    h = p.x + _look(p, rms_norm(p.x, p.attention_norm, p.eps))
    return h + _think(p, h)


def _turn_first(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return rms_norm(rotary(p.split(projected, count), p.positions, p.rope_base), gain, p.eps)


def _whole_width(p: Any, projected: Any, gain: Any, count: int) -> Any:
    normed = F.rms_norm(projected, projected.shape[-1:], eps=p.eps)
    return rotary(p.split(normed, count) * gain, p.positions, p.rope_base)


def _no_head_norm(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return rotary(p.split(projected, count) + 0 * gain, p.positions, p.rope_base)


def _query_gain(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return _prepare(p, projected, p.query_norm, count) + 0 * gain


def _fixed_eps(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return rotary(rms_norm(p.split(projected, count), gain, 1e-6), p.positions, p.rope_base)


def _not_turned(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return rms_norm(p.split(projected, count), gain, p.eps)


def _turned_value(p: Any, projected: Any) -> Any:
    return rotary(p.split(projected, p.kv_heads), p.positions, p.rope_base)


def _normed_value(p: Any, projected: Any) -> Any:
    return rms_norm(p.split(projected, p.kv_heads), torch.ones_like(p.key_norm), p.eps)


def _by_index(p: Any) -> Any:
    return torch.ones(len(p.positions), len(p.positions), dtype=torch.bool).tril()


post_norm = _mistake("norms on the stream", "the norms stand after the sums (post-norm)", join=_post_norm)
no_stream = _mistake("second sum left out", "the feed-forward part is not added to the stream", join=_no_stream)
side_by_side = _mistake("side by side", "the feed-forward part reads x, not x + attention", join=_side_by_side)
from_start = _mistake("added to x", "the feed-forward part is added to x: attention is lost", join=_from_the_start)
normed_stream = _mistake("stream normalised", "the normalised x goes on as the stream", join=_normed_stream)
one_norm = _mistake("one norm twice", "the attention norm's gain is used for both halves", join=_one_norm)
no_norm = _mistake("second norm left out", "the feed-forward part reads the stream as it is", join=_no_second_norm)
late_norm = _mistake(
    "norm after the rotation", "queries and keys are normalised after they are turned",
    prepare=_turn_first, prepare_key=_turn_first,
)  # fmt: skip
wide_norm = _mistake(
    "norm over all heads", "queries and keys are normalised over all heads at once",
    prepare=_whole_width, prepare_key=_whole_width,
)  # fmt: skip
no_head_norm = _mistake(
    "head norms left out", "queries and keys are not normalised", prepare=_no_head_norm, prepare_key=_no_head_norm
)
one_gain = _mistake("keys with the queries' gain", "query_norm is used for the keys too", prepare_key=_query_gain)
fixed_eps = _mistake("eps not handed on", "the head norms use a fixed eps", prepare=_fixed_eps, prepare_key=_fixed_eps)
not_turned = _mistake("keys not turned", "only the queries are turned", prepare_key=_not_turned)
never_turned = _mistake("no rotation", "nothing is turned", prepare=_not_turned, prepare_key=_not_turned)
turned_value = _mistake("values turned", "the values are turned as well", prepare_value=_turned_value)
normed_value = _mistake("values normalised", "the values are normalised as well", prepare_value=_normed_value)
in_turn = _mistake(
    "groups in turn", "query head i uses key head i mod kv_heads, not its neighbours'",
    share=lambda part, group: torch.cat([part] * group, dim=-3),
)  # fmt: skip
not_causal = _mistake("future seen", "there is no causal mask", mask=lambda p: None)
by_index = _mistake("mask by index", "the mask compares indices, not positions", mask=_by_index)
mixed_heads = _mistake("heads not brought back", "the heads are joined without undoing the transpose",
                       merge=lambda y: y.reshape(*y.shape[:-3], y.shape[-2], y.shape[-3] * y.shape[-1]))  # fmt: skip
mixed_split = _mistake(
    "heads cut across positions", "the projection is cut into heads before positions are moved",
    split=lambda x, count: x.reshape(*x.shape[:-2], count, x.shape[-2], x.shape[-1] // count),
)  # fmt: skip
