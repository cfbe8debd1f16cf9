"""Correct implementations written otherwise: the specification must accept every one of them."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers import fused_attention, head_cross_entropy
from llm_layers.spec import ours
from llm_tokenizer.spec import variant


@variant("layers.embedding", "one-hot product")
def one_hot_product(ids: Any, table: Any) -> Any:
    return F.one_hot(ids, len(table)).to(table.dtype) @ table


@variant("layers.embedding", "index_select")
def index_select(ids: Any, table: Any) -> Any:
    return table.index_select(0, ids.reshape(-1)).reshape(*ids.shape, table.shape[1])


@variant("layers.rms_norm", "torch's own kernel")
def torch_rms_norm(x: Any, gain: Any, eps: float) -> Any:
    return F.rms_norm(x, gain.shape, gain, eps)


@variant("layers.rms_norm", "length divided by √d")
def by_length(x: Any, gain: Any, eps: float) -> Any:
    length_square = torch.einsum("...i,...i->...", x, x)[..., None]
    return x / ((length_square + x.shape[-1] * eps) / x.shape[-1]) ** 0.5 * gain


@variant("layers.rotary", "sign and roll")
def sign_and_roll(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    speed = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (positions.to(torch.float64)[..., None] * speed).repeat_interleave(2, -1)
    angle = angle.unflatten(-1, (half, 2)).transpose(-1, -2).flatten(-2)
    sign = torch.ones(x.shape[-1], dtype=x.dtype)
    sign[:half] = -1
    return x * angle.cos().to(x.dtype) + sign * x.roll(half, -1) * angle.sin().to(x.dtype)


@variant("layers.rotary", "matrices")
def by_matrix(x: Any, positions: Any, base: float) -> Any:
    half = x.shape[-1] // 2
    angle = positions.to(torch.float64)[..., None] * base ** (-torch.arange(half, dtype=torch.float64) / half)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    turn = torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2)
    pairs = torch.stack(x.chunk(2, -1), -1)
    return (turn @ pairs[..., None])[..., 0].transpose(-1, -2).flatten(-2)


@variant("layers.softmax", "from the logarithm")
def from_logarithm(scores: Any, axis: int) -> Any:
    return (scores - torch.logsumexp(scores, axis, keepdim=True)).exp()


@variant("layers.softmax", "by hand")
def by_hand(scores: Any, axis: int) -> Any:
    e = (scores - scores.amax(axis, keepdim=True).detach()).exp()
    return e / e.sum(axis, keepdim=True)


@variant("layers.softmax", "NumPy, another order of summation", arrays="numpy")
def backwards_sum(scores: Any, axis: int) -> Any:
    e = np.exp(scores - np.max(scores, axis=axis, keepdims=True))
    return e / np.flip(e, axis).sum(axis=axis, keepdims=True)


@variant("layers.causal_mask", "difference")
def difference(query_positions: Any, key_positions: Any) -> Any:
    return (query_positions.unsqueeze(-1) - key_positions.unsqueeze(-2)).sign() >= 0


@variant("layers.causal_mask", "not later, NumPy", arrays="numpy")
def not_later(query_positions: Any, key_positions: Any) -> Any:
    return np.logical_not(key_positions[..., None, :] > query_positions[..., None])


@variant("layers.attention", "our fused kernel")
def fused(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return fused_attention(query, key, value, mask)


@variant("layers.attention", "einsum")
def einsum(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    if mask is None:
        return torch.einsum("...qk,...kd->...qd", scores.softmax(-1), value)
    e = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2).softmax(-1) * mask
    return torch.einsum("...qk,...kd->...qd", e, value)


@variant("layers.swiglu", "gate and up in one product")
def one_product(x: Any, gate: Any, up: Any, down: Any) -> Any:
    a, u = (x @ torch.cat([gate, up]).T).chunk(2, -1)
    return F.linear(a * torch.sigmoid(a) * u, down)


@variant("layers.swiglu", "einsum")
def swiglu_einsum(x: Any, gate: Any, up: Any, down: Any) -> Any:
    hidden = F.silu(torch.einsum("...d,fd->...f", x, gate)) * torch.einsum("...d,fd->...f", x, up)
    return torch.einsum("...f,df->...d", hidden, down)


@variant("layers.block", "one sequence at a time")
def one_at_a_time(x: Any, *rest: Any) -> Any:
    return torch.cat([ours.block(row[None], *rest) for row in x])


@variant("layers.cross_entropy", "logsumexp")
def by_logsumexp(logits: Any, targets: Any, ignored: int) -> Any:
    counted = targets != ignored
    chosen = logits.gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    losses = (logits - chosen[..., None]).logsumexp(-1).where(counted, 0)
    return losses.sum() / counted.sum().clamp(min=1)


@variant("layers.cross_entropy", "our chunked head")
def chunked(logits: Any, targets: Any, ignored: int) -> Any:
    # With the identity as the head, the hidden states are the logits themselves.
    head = torch.eye(logits.shape[-1], dtype=logits.dtype)
    return head_cross_entropy(logits, head, targets, ignored, rows=2)


@variant("layers.cross_entropy", "torch's own mean")
def torch_mean(logits: Any, targets: Any, ignored: int) -> Any:
    rows, flat = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    if not (flat != ignored).any():
        return logits.sum() * 0
    return F.cross_entropy(rows, flat, ignore_index=ignored)
