"""Heads in NumPy: cutting and joining, shared keys and values, kept keys and values."""

import numpy as np

from llm_layers.reference.arrays import Array, outer
from llm_layers.reference.attention import attention, attention_backward
from llm_layers.reference.mask import causal_mask


def split_heads(x: Array, heads: int) -> Array:
    """Compute y[h, p, k] = x[p, h · d_head + k]."""
    if heads < 1 or x.shape[-1] % heads:
        raise ValueError(f"heads must divide the width of x, {x.shape[-1]}, into equal pieces, but was {heads}")
    return np.swapaxes(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -2, -3)


def split_heads_backward(dy: Array, x: Array, heads: int) -> Array:
    """Gradient of x: every value only moved to another place, so its gradient moves back."""
    return merge_heads(dy)


def merge_heads(x: Array) -> Array:
    """Compute y[p, h · d_head + k] = x[h, p, k]."""
    x = np.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def merge_heads_backward(dy: Array, x: Array) -> Array:
    """Gradient of x: the way back of `merge_heads` is `split_heads`."""
    return split_heads(dy, x.shape[-3])


def grouped_query_attention(query: Array, key: Array, value: Array, mask: Array | None) -> Array:
    """Compute y[h] = attention(q[h], k[⌊h / g⌋], v[⌊h / g⌋])  with g query heads to a key/value head."""
    heads, kv_heads = query.shape[-3], key.shape[-3]
    if kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"the query heads must be a multiple of the key heads, {kv_heads}, but were {heads}")
    served = np.arange(heads) // (heads // kv_heads)  # the key/value head of each query head
    return attention(query, key[..., served, :, :], value[..., served, :, :], over_heads(mask))


def grouped_query_attention_backward(
    dy: Array, query: Array, key: Array, value: Array, mask: Array | None
) -> tuple[Array, Array, Array]:
    """Gradients of query, key and value.

    Copy each key head to the g neighboring query heads of its group, k'[h] = k[⌊h / g⌋], and likewise the values;
    then it is plain attention, head by head, with the gradients dq, dk' and dv'. A number that is copied collects the
    gradients of its copies:

        dk[j] = Σ over h with ⌊h / g⌋ = j of dk'[h]        dv[j] = Σ over h with ⌊h / g⌋ = j of dv'[h]
    """
    group = query.shape[-3] // key.shape[-3]
    copies = np.repeat(key, group, axis=-3), np.repeat(value, group, axis=-3)
    dquery, dkey, dvalue = attention_backward(dy, query, *copies, over_heads(mask))
    grouped = (*key.shape[:-3], key.shape[-3], group, *key.shape[-2:])
    return dquery, dkey.reshape(grouped).sum(axis=-3), dvalue.reshape(grouped).sum(axis=-3)


def multi_query_attention(query: Array, key: Array, value: Array, mask: Array | None) -> Array:
    """Compute y[h] = attention(q[h], k, v): one key and one value head for all."""
    return attention(query, key[..., None, :, :], value[..., None, :, :], over_heads(mask))


def multi_query_attention_backward(
    dy: Array, query: Array, key: Array, value: Array, mask: Array | None
) -> tuple[Array, Array, Array]:
    """Gradients of query, key and value: those of attention, for the shared key and value summed over all heads."""
    shared = key[..., None, :, :], value[..., None, :, :]
    dquery, dkey, dvalue = attention_backward(dy, query, *shared, over_heads(mask))
    return dquery, dkey.sum(axis=-3), dvalue.sum(axis=-3)


def multi_head_attention(
    x: Array, query: Array, key: Array, value: Array, output: Array, heads: int, mask: Array | None
) -> Array:
    """Compute y = merge(attention(split(x queryᵀ), split(x keyᵀ), split(x valueᵀ))) outputᵀ."""
    q, k, v = (split_heads(x @ weight.T, heads) for weight in (query, key, value))
    return merge_heads(attention(q, k, v, over_heads(mask))) @ output.T


def multi_head_attention_backward(
    dy: Array, x: Array, query: Array, key: Array, value: Array, output: Array, heads: int, mask: Array | None
) -> tuple[Array, Array, Array, Array, Array]:
    """Gradients of x and of the four weights.

    With q = split(x Wqᵀ), likewise k and v, joined j = merge(attention(q, k, v)) and y = j Woᵀ, from the end:

    - y = j Woᵀ:     dj = dy Wo,   dWo = Σ over positions of dy jᵀ
    - attention:     dq, dk, dv from `attention_backward`, with split(dj), since merge only moves numbers
    - q = x Wqᵀ:     dWq = Σ over positions of merge(dq) xᵀ, and x gets merge(dq) Wq; likewise from k and v
    - x is used three times, so dx is the sum of the three.
    """
    weights = query, key, value
    q, k, v = (split_heads(x @ weight.T, heads) for weight in weights)
    joined = merge_heads(attention(q, k, v, over_heads(mask)))
    parts = attention_backward(split_heads(dy @ output, heads), q, k, v, over_heads(mask))
    dq, dk, dv = (merge_heads(part) for part in parts)
    dx = dq @ query + dk @ key + dv @ value
    return dx, outer(dq, x), outer(dk, x), outer(dv, x), outer(dy, joined)


def cached_attention(
    query: Array, key: Array, value: Array, positions: Array, past_key: Array, past_value: Array, past_positions: Array
) -> Array:
    """Compute attention of the new queries to the kept and the new keys that are not later than they."""
    keys, values = np.concatenate((past_key, key), axis=-2), np.concatenate((past_value, value), axis=-2)
    mask = causal_mask(positions, np.concatenate((past_positions, positions)))
    return attention(query, keys, values, mask)


def cached_attention_backward(
    dy: Array, query: Array, key: Array, value: Array, positions: Array,
    past_key: Array, past_value: Array, past_positions: Array,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """Gradients of query, key, value, past_key and past_value.

    Joining only sets rows side by side, so the gradients of the joined keys and values are cut at the same place.
    """
    keys, values = np.concatenate((past_key, key), axis=-2), np.concatenate((past_value, value), axis=-2)
    mask = causal_mask(positions, np.concatenate((past_positions, positions)))
    dquery, dkeys, dvalues = attention_backward(dy, query, keys, values, mask)
    past = past_key.shape[-2]
    return dquery, dkeys[..., past:, :], dvalues[..., past:, :], dkeys[..., :past, :], dvalues[..., :past, :]


def over_heads(mask: Array | None) -> Array | None:
    """Add an axis for the heads to the mask, which is the same for all of them."""
    return None if mask is None else mask[..., None, :, :]
