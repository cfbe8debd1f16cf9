"""The transformer block in NumPy: the parts put together, forward and back."""

from typing import NamedTuple

import numpy as np

from llm_layers.reference.arrays import Array, outer
from llm_layers.reference.attention import attention, attention_backward
from llm_layers.reference.feed_forward import swiglu, swiglu_backward
from llm_layers.reference.mask import causal_mask
from llm_layers.reference.norm import rms_norm, rms_norm_backward
from llm_layers.reference.rotary import rotary, rotary_backward


class _Heads(NamedTuple):
    """What the attention half makes on its way: normed input, projections in heads, rotated ones, gathered values."""

    normed: Array
    query: Array
    key: Array
    turned_query: Array
    turned_key: Array
    value: Array
    mask: Array
    joined: Array


def block(
    x: Array, positions: Array, attention_norm: Array, query: Array, key: Array, value: Array, query_norm: Array,
    key_norm: Array, output: Array, feed_forward_norm: Array, gate: Array, up: Array, down: Array,
    heads: int, kv_heads: int, rope_base: float, eps: float,
) -> Array:  # fmt: skip
    """Compute y = h + swiglu(norm(h))  with h = x + attention(norm(x)) outputᵀ."""
    made = _attend(
        x, positions, attention_norm, query, key, value, query_norm, key_norm, heads, kv_heads, rope_base, eps
    )
    h = x + made.joined @ output.T
    return h + swiglu(rms_norm(h, feed_forward_norm, eps), gate, up, down)


def block_backward(
    dy: Array, x: Array, positions: Array, attention_norm: Array, query: Array, key: Array, value: Array,
    query_norm: Array, key_norm: Array, output: Array, feed_forward_norm: Array, gate: Array, up: Array, down: Array,
    heads: int, kv_heads: int, rope_base: float, eps: float,
) -> tuple[Array, ...]:  # fmt: skip
    """Gradients of x and of all eleven weights, in the order of the arguments.

    Only three rules join the parts:

    - A sum passes its gradient to both terms. With y = h + f(h):  dh = dy + (what f's backward gives), and likewise
      for h = x + g(x). This is why a gradient reaches the bottom of a deep stack undimmed.
    - A weight stored (out, in) with p = n Wᵀ:  dn = dp W,  dW = Σ over vectors of dp nᵀ.
    - A key/value head that serves a group of query heads is copied, so its gradient is the sum over the group.
    """
    made = _attend(
        x, positions, attention_norm, query, key, value, query_norm, key_norm, heads, kv_heads, rope_base, eps
    )
    h = x + made.joined @ output.T
    dnormed_h, dgate, dup, ddown = swiglu_backward(dy, rms_norm(h, feed_forward_norm, eps), gate, up, down)
    dh, dfeed_forward_norm = rms_norm_backward(dnormed_h, h, feed_forward_norm, eps)
    dh = dh + dy

    djoined = _split(dh @ output, heads)
    group = heads // kv_heads
    dturned_query, dturned_key, dvalue = attention_backward(
        djoined, made.turned_query, _copy(made.turned_key, group), _copy(made.value, group), made.mask
    )
    dquery, dquery_norm = rms_norm_backward(
        rotary_backward(dturned_query, made.query, positions, rope_base), made.query, query_norm, eps
    )
    dkey, dkey_norm = rms_norm_backward(
        rotary_backward(_gather(dturned_key, group), made.key, positions, rope_base), made.key, key_norm, eps
    )
    projected = [_join(part) for part in (dquery, dkey, _gather(dvalue, group))]
    dnormed = projected[0] @ query + projected[1] @ key + projected[2] @ value
    dx, dattention_norm = rms_norm_backward(dnormed, x, attention_norm, eps)
    dweights = [outer(part, made.normed) for part in projected]
    return (
        dx + dh, dattention_norm, *dweights, dquery_norm, dkey_norm, outer(dh, made.joined),
        dfeed_forward_norm, dgate, dup, ddown,
    )  # fmt: skip


def _attend(
    x: Array, positions: Array, attention_norm: Array, query: Array, key: Array, value: Array, query_norm: Array,
    key_norm: Array, heads: int, kv_heads: int, rope_base: float, eps: float,
) -> _Heads:  # fmt: skip
    normed = rms_norm(x, attention_norm, eps)
    q, k = _split(normed @ query.T, heads), _split(normed @ key.T, kv_heads)
    v = _split(normed @ value.T, kv_heads)
    turned_q = rotary(rms_norm(q, query_norm, eps), positions, rope_base)
    turned_k = rotary(rms_norm(k, key_norm, eps), positions, rope_base)
    mask = causal_mask(positions, positions)
    group = heads // kv_heads
    joined = _join(attention(turned_q, _copy(turned_k, group), _copy(v, group), mask))
    return _Heads(normed, q, k, turned_q, turned_k, v, mask, joined)


def _split(x: Array, heads: int) -> Array:
    """Cut the last axis into heads: (position, heads · d_head) becomes (heads, position, d_head)."""
    return np.swapaxes(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -2, -3)


def _join(x: Array) -> Array:
    """Undo `_split`."""
    x = np.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def _copy(x: Array, group: int) -> Array:
    """Copy each key/value head for the neighboring query heads of its group."""
    return np.repeat(x, group, axis=-3)


def _gather(dx: Array, group: int) -> Array:
    """Undo `_copy` for gradients: add up each group."""
    return dx.reshape(*dx.shape[:-3], dx.shape[-3] // group, group, *dx.shape[-2:]).sum(axis=-3)
