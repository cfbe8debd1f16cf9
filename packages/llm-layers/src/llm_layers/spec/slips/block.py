"""Mistakes in putting a block together: the parts are right, one connection is wrong."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch

from llm_layers import causal_mask, grouped_query_attention, merge_heads, rms_norm, split_heads
from llm_layers.spec import SPECIFICATION
from llm_layers.spec.ours import rotary, swiglu
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.block")


def _block(**wrong: Callable[..., Any]) -> Callable[..., Any]:
    """Return a block in which the named steps are replaced; each step takes the inputs `p` first."""

    def block(*inputs: Any) -> Any:
        names = (argument.name for argument in SPECIFICATION.contract("layers.block").inputs)
        p = SimpleNamespace(**dict(zip(names, inputs, strict=True)), **(RIGHT | wrong))
        return p.join(p, rms_norm(p.x, p.attention_norm, p.eps))

    return block


def _rotated(p: Any, x: Any) -> Any:
    return rotary(x, p.positions, p.rope_base)


def _prepare(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return _rotated(p, rms_norm(split_heads(projected, count), gain, p.eps))


def _attend(p: Any, x: Any) -> Any:
    """The attention half, without its norm and without the residual stream."""
    query = p.prepare(p, x @ p.query.T, p.query_norm, p.heads)
    key = p.prepare_key(p, x @ p.key.T, p.key_norm, p.kv_heads)
    value = p.prepare_value(p, split_heads(x @ p.value.T, p.kv_heads))
    return merge_heads(grouped_query_attention(query, key, value, p.mask(p))) @ p.output.T


def _feed(p: Any, h: Any, gain: str | None = "feed_forward_norm") -> Any:
    return swiglu(h if gain is None else rms_norm(h, getattr(p, gain), p.eps), p.gate, p.up, p.down)


def _join(p: Any, normed: Any, gain: str | None = "feed_forward_norm") -> Any:
    h = p.x + _attend(p, normed)
    return h + _feed(p, h, gain)


RIGHT: dict[str, Callable[..., Any]] = {
    "join": _join,
    "prepare": _prepare,
    "prepare_key": _prepare,
    "prepare_value": lambda p, split: split,
    "mask": lambda p: causal_mask(p.positions, p.positions),
}


def _join_post_norm(p: Any, normed: Any) -> Any:
    h = rms_norm(p.x + _attend(p, p.x), p.attention_norm, p.eps)
    return rms_norm(h + _feed(p, h, None), p.feed_forward_norm, p.eps)


slip("norms on the stream", "the norms come after the sums (post-norm)")(_block(join=_join_post_norm))
slip("second sum left out", "the feed-forward part is not added to the residual stream")(
    _block(join=lambda p, normed: _feed(p, p.x + _attend(p, normed)))
)
slip("side by side", "the feed-forward part reads x, not x + attention")(
    _block(join=lambda p, normed: p.x + _attend(p, normed) + _feed(p, p.x))
)
slip("stream normalized", "the normalized x continues as the residual stream")(
    _block(join=lambda p, normed: (h := normed + _attend(p, normed)) + _feed(p, h))
)
slip("one norm twice", "the attention norm's gain is used for both halves")(
    _block(join=partial(_join, gain="attention_norm"))
)
slip("second norm left out", "the feed-forward part reads the stream without a norm")(
    _block(join=partial(_join, gain=None))
)


def _both(prepare: Callable[..., Any]) -> Callable[..., Any]:
    return _block(prepare=prepare, prepare_key=prepare)


slip("norm after the rotation", "queries and keys are normalized after they are rotated")(
    _both(lambda p, projected, gain, count: rms_norm(_rotated(p, split_heads(projected, count)), gain, p.eps))
)
slip("head norms left out", "queries and keys are not normalized")(
    _both(lambda p, projected, gain, count: _rotated(p, split_heads(projected, count) + 0 * gain))
)
slip("eps not handed on", "the head norms use a fixed eps")(
    _both(lambda p, projected, gain, count: _rotated(p, rms_norm(split_heads(projected, count), gain, 1e-6)))
)
slip("keys not rotated", "only the queries are rotated")(
    _block(prepare_key=lambda p, projected, gain, count: rms_norm(split_heads(projected, count), gain, p.eps))
)
slip("no rotation", "nothing is rotated")(
    _both(lambda p, projected, gain, count: rms_norm(split_heads(projected, count), gain, p.eps))
)
slip("values rotated", "the values are rotated as well")(_block(prepare_value=_rotated))
slip("future seen", "there is no causal mask")(_block(mask=lambda p: None))
slip("mask by index", "the mask compares indices, not positions")(
    _block(mask=lambda p: torch.ones(len(p.positions), len(p.positions), dtype=torch.bool).tril())
)
