"""Softmax, the soft cap and attention in NumPy."""

import numpy as np

from llm_layers.reference.arrays import Array


def softmax(scores: Array, axis: int) -> Array:
    """Compute y[i] = exp(s[i] - m) / Σ exp(s[j] - m)  with m the largest score along the axis."""
    e = np.exp(scores - np.max(scores.real, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def softmax_backward(dy: Array, scores: Array, axis: int) -> Array:
    """Gradient of the scores.

    With Z = Σ exp(s[j]) and y[i] = exp(s[i]) / Z:

        ∂y[i]/∂s[j] = [i = j] · exp(s[i])/Z - exp(s[i]) exp(s[j])/Z² = y[i] · ([i = j] - y[j])
        ds[j] = Σᵢ dy[i] y[i] ([i = j] - y[j]) = y[j] · (dy[j] - Σᵢ dy[i] y[i])

    In words: a score gains where its weight earns more than the average weight does.
    """
    y = softmax(scores, axis)
    return y * (dy - np.sum(dy * y, axis=axis, keepdims=True))


def soft_cap(scores: Array, cap: float) -> Array:
    """Compute y = cap · tanh(s / cap)."""
    if not cap > 0:
        raise ValueError(f"cap must be a positive number, but was {cap}")
    return cap * np.tanh(scores / cap)


def soft_cap_backward(dy: Array, scores: Array, cap: float) -> Array:
    """Gradient of the scores.

    tanh' = 1 - tanh², and the cap outside and inside cancel:

        ∂y/∂s = cap · (1 - tanh²(s / cap)) / cap = 1 - tanh²(s / cap)

    In words: small scores pass their gradient on whole, a score that presses against the cap hardly any.
    """
    return dy * (1 - np.tanh(scores / cap) ** 2)


def attention(query: Array, key: Array, value: Array, mask: Array | None) -> Array:
    """Compute y = softmax(q kᵀ / √d, hidden keys left out) v."""
    return attention_weights(query, key, mask) @ value


def attention_backward(
    dy: Array, query: Array, key: Array, value: Array, mask: Array | None
) -> tuple[Array, Array, Array]:
    """Gradients of query, key and value.

    With attention weights w = softmax(s), scores s = q kᵀ / √d and output y = w v, taken apart from the end:

    - y = w v:            dv = wᵀ dy          dw = dy vᵀ
    - w = softmax(s):     ds = w · (dw - Σ over keys of dw · w), as in `softmax_backward`; a hidden key has w = 0,
                          so its ds is 0 without any further care, and so is that of a query which sees nothing
    - s = q kᵀ / √d:      dq = ds k / √d      dk = dsᵀ q / √d
    """
    w = attention_weights(query, key, mask)
    dvalue = np.swapaxes(w, -1, -2) @ dy
    dw = dy @ np.swapaxes(value, -1, -2)
    ds = w * (dw - np.sum(dw * w, axis=-1, keepdims=True)) / np.sqrt(query.shape[-1])
    return ds @ key, np.swapaxes(ds, -1, -2) @ query, dvalue


def capped_attention(query: Array, key: Array, value: Array, mask: Array | None, cap: float) -> Array:
    """Compute y = softmax(cap · tanh(q kᵀ / (√d · cap)), hidden keys left out) v."""
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    return shares_of(soft_cap(scores, cap), mask) @ value


def capped_attention_backward(
    dy: Array, query: Array, key: Array, value: Array, mask: Array | None, cap: float
) -> tuple[Array, Array, Array]:
    """Gradients of query, key and value.

    One step more than in `attention_backward`. With raw scores s = q kᵀ / √d, capped ones c = cap · tanh(s / cap),
    attention weights w = softmax(c) and y = w v:

    - y = w v and w = softmax(c):   dv = wᵀ dy,   dw = dy vᵀ,   dc = w · (dw - Σ over keys of dw · w)
    - c = cap · tanh(s / cap):      ds = dc · (1 - tanh²(s / cap)), from `soft_cap_backward`
    - s = q kᵀ / √d:                dq = ds k / √d,   dk = dsᵀ q / √d
    """
    root = np.sqrt(query.shape[-1])
    scores = query @ np.swapaxes(key, -1, -2) / root
    w = shares_of(soft_cap(scores, cap), mask)
    dw = dy @ np.swapaxes(value, -1, -2)
    dcapped = w * (dw - np.sum(dw * w, axis=-1, keepdims=True))
    ds = soft_cap_backward(dcapped, scores, cap) / root
    return ds @ key, np.swapaxes(ds, -1, -2) @ query, np.swapaxes(w, -1, -2) @ dy


def attention_weights(query: Array, key: Array, mask: Array | None) -> Array:
    """Return each query's weights of the keys that it sees; zeros where it sees none."""
    return shares_of(query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1]), mask)


def shares_of(scores: Array, mask: Array | None) -> Array:
    """Turn scores into weights of the keys that the mask leaves; zeros where it leaves none."""
    seen = np.ones(scores.shape, dtype=bool) if mask is None else np.broadcast_to(mask, scores.shape)
    largest = np.max(np.where(seen, scores.real, -np.inf), axis=-1, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, 0)
    e = np.where(seen, np.exp(np.where(seen, scores - largest, 0)), 0)
    total = np.sum(e, axis=-1, keepdims=True)
    return e / np.where(total.real > 0, total, 1)
