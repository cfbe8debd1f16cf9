"""Mistakes in putting a block together: the parts are right, one connection is wrong."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers import attention, causal_mask, rms_norm
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


def _split(x: Any, count: int) -> Any:
    return x.unflatten(-1, (count, -1)).transpose(-2, -3)


def _rotated(p: Any, x: Any) -> Any:
    return rotary(x, p.positions, p.rope_base)


def _prepare(p: Any, projected: Any, gain: Any, count: int) -> Any:
    return _rotated(p, rms_norm(p.split(projected, count), gain, p.eps))


def _attend(p: Any, x: Any) -> Any:
    """The attention half, without its norm and without the residual stream."""
    query = p.prepare(p, x @ p.query.T, p.query_norm, p.heads)
    key = p.prepare_key(p, x @ p.key.T, p.key_norm, p.kv_heads)
    value = p.prepare_value(p, p.split(x @ p.value.T, p.kv_heads))
    key, value = (p.repeat(part, p.heads // p.kv_heads) for part in (key, value))
    return p.merge(attention(query, key, value, p.mask(p))) @ p.output.T


def _feed(p: Any, h: Any, gain: str | None = "feed_forward_norm") -> Any:
    return swiglu(h if gain is None else rms_norm(h, getattr(p, gain), p.eps), p.gate, p.up, p.down)


def _join(p: Any, normed: Any) -> Any:
    h = p.x + _attend(p, normed)
    return h + _feed(p, h)


RIGHT: dict[str, Callable[..., Any]] = {
    "join": _join,
    "split": _split,
    "prepare": _prepare,
    "prepare_key": _prepare,
    "prepare_value": lambda p, split: split,
    "repeat": lambda part, group: part.repeat_interleave(group, dim=-3),
    "mask": lambda p: causal_mask(p.positions, p.positions),
    "merge": lambda y: y.transpose(-2, -3).flatten(-2),
}


def _join_post_norm(p: Any, normed: Any) -> Any:
    h = rms_norm(p.x + _attend(p, p.x), p.attention_norm, p.eps)
    return rms_norm(h + _feed(p, h, None), p.feed_forward_norm, p.eps)


def _join_normed(p: Any, normed: Any) -> Any:
    h = normed + _attend(p, normed)
    return h + _feed(p, h)


def _join_with_gain(gain: str | None) -> Callable[..., Any]:
    return lambda p, normed: (h := p.x + _attend(p, normed)) + _feed(p, h, gain)


slip("norms on the stream", "the norms come after the sums (post-norm)")(_block(join=_join_post_norm))
slip("second sum left out", "the feed-forward part is not added to the residual stream")(
    _block(join=lambda p, normed: _feed(p, p.x + _attend(p, normed)))
)
slip("side by side", "the feed-forward part reads x, not x + attention")(
    _block(join=lambda p, normed: p.x + _attend(p, normed) + _feed(p, p.x))
)
slip("stream normalized", "the normalized x continues as the residual stream")(_block(join=_join_normed))
slip("one norm twice", "the attention norm's gain is used for both halves")(
    _block(join=_join_with_gain("attention_norm"))
)
slip("second norm left out", "the feed-forward part reads the stream without a norm")(
    _block(join=_join_with_gain(None))
)


def _both(prepare: Callable[..., Any]) -> Callable[..., Any]:
    return _block(prepare=prepare, prepare_key=prepare)


slip("norm after the rotation", "queries and keys are normalized after they are rotated")(
    _both(lambda p, projected, gain, count: rms_norm(_rotated(p, p.split(projected, count)), gain, p.eps))
)
slip("norm over all heads", "queries and keys are normalized over all heads at once")(
    _both(
        lambda p, projected, gain, count: _rotated(
            p, p.split(F.rms_norm(projected, projected.shape[-1:], eps=p.eps), count) * gain
        )
    )
)
slip("head norms left out", "queries and keys are not normalized")(
    _both(lambda p, projected, gain, count: _rotated(p, p.split(projected, count) + 0 * gain))
)
slip("keys with the queries' gain", "query_norm is used for the keys too")(
    _block(prepare_key=lambda p, projected, gain, count: _prepare(p, projected, p.query_norm, count) + 0 * gain)
)
slip("eps not handed on", "the head norms use a fixed eps")(
    _both(lambda p, projected, gain, count: _rotated(p, rms_norm(p.split(projected, count), gain, 1e-6)))
)
slip("keys not rotated", "only the queries are rotated")(
    _block(prepare_key=lambda p, projected, gain, count: rms_norm(p.split(projected, count), gain, p.eps))
)
slip("no rotation", "nothing is rotated")(
    _both(lambda p, projected, gain, count: rms_norm(p.split(projected, count), gain, p.eps))
)
slip("values rotated", "the values are rotated as well")(_block(prepare_value=_rotated))
slip("groups in turn", "query head i uses key head i mod kv_heads, not its neighbors'")(
    _block(repeat=lambda part, group: torch.cat([part] * group, dim=-3))
)
slip("future seen", "there is no causal mask")(_block(mask=lambda p: None))
slip("mask by index", "the mask compares indices, not positions")(
    _block(mask=lambda p: torch.ones(len(p.positions), len(p.positions), dtype=torch.bool).tril())
)
slip("heads not brought back", "the heads are joined without undoing the transpose")(
    _block(merge=lambda y: y.reshape(*y.shape[:-3], y.shape[-2], y.shape[-3] * y.shape[-1]))
)
