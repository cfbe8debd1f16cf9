"""Heads: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from llm_layers import fused_attention
from llm_tokenizer.conformance import Alternatives
from proof.llm_layers.variants.attention import by_query, divided_last, tiled

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.split_heads")


def _checked(whole: int, part: int) -> int:
    if part < 1 or whole % part:
        raise ValueError(f"{part} does not divide {whole}")
    return whole // part


@variant("pieces stacked")
def stacked(x: Any, heads: int) -> Any:
    width = _checked(x.shape[-1], heads)
    return torch.stack([x[..., h * width : (h + 1) * width] for h in range(heads)], -3)


@variant("NumPy, by index", arrays="numpy")
def by_index(x: Any, heads: int) -> Any:
    width = _checked(x.shape[-1], heads)
    places = np.arange(heads)[:, None] * width + np.arange(width)
    return np.moveaxis(x[..., places], -2, -3)


variant = VARIANTS.of("layers.merge_heads")
variant("einsum and reshape")(
    lambda x: torch.einsum("...hpd->...phd", x).reshape(
        *x.shape[:-3], x.shape[-2], -1 if x.numel() else x.shape[-3] * x.shape[-1]
    )
)
variant("NumPy, joined", arrays="numpy")(
    lambda x: np.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], axis=-1)
)


variant = VARIANTS.of("layers.multi_head_attention")


@variant("a loop over the heads")
def looped(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    y = torch.zeros_like(x)
    for rows in torch.arange(query.shape[0]).reshape(heads, -1):
        q, k, v = (F.linear(x, weight[rows]) for weight in (query, key, value))
        y = y + fused_attention(q, k, v, mask) @ output[:, rows].T
    return y


@variant("one joined projection")
def one_projection(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    made = F.linear(x, torch.cat((query, key, value)))
    parts = made.reshape(*x.shape[:-1], 3, heads, query.shape[0] // heads).movedim(-3, 0).transpose(-2, -3)
    for_all = None if mask is None else mask.expand(heads, *mask.shape)
    return F.linear(fused_attention(parts[0], parts[1], parts[2], for_all).transpose(-2, -3).flatten(-2), output)


variant = VARIANTS.of("layers.grouped_query_attention")


@variant("keys and values copied")
def copied(query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = _checked(query.shape[-3], key.shape[-3])
    return fused_attention(query, key.repeat_interleave(group, -3), value.repeat_interleave(group, -3), mask)


@variant("groups as longer queries")
def longer_queries(query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = _checked(query.shape[-3], key.shape[-3])
    rows = query.unflatten(-3, (key.shape[-3], group)).flatten(-3, -2)
    return fused_attention(rows, key, value, None if mask is None else mask.repeat(group, 1)).reshape(query.shape)


variant = VARIANTS.of("layers.multi_query_attention")


@variant("heads as longer queries")
def heads_as_queries(query: Any, key: Any, value: Any, mask: Any) -> Any:
    rows = None if mask is None else mask.repeat(query.shape[-3], 1)
    return fused_attention(query.flatten(-3, -2), key, value, rows).reshape(query.shape)


@variant("einsum")
def shared_einsum(query: Any, key: Any, value: Any, mask: Any) -> Any:
    scores = torch.einsum("...hqd,...kd->...hqk", query, key) / query.shape[-1] ** 0.5
    if mask is None:
        return torch.einsum("...hqk,...kd->...hqd", scores.softmax(-1), value)
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min / 2).softmax(-1) * mask
    return torch.einsum("...hqk,...kd->...hqd", weights, value)


@variant("NumPy, head by head", arrays="numpy")
def head_by_head(query: Any, key: Any, value: Any, mask: Any) -> Any:
    heads = [by_query(query[..., h, :, :], key, value, mask) for h in range(query.shape[-3])]
    return np.stack(heads, axis=-3)


VARIANTS.of("layers.grouped_query_attention")("NumPy, head by head", arrays="numpy")(
    lambda query, key, value, mask: by_query(
        query,
        np.repeat(key, _checked(query.shape[-3], key.shape[-3]), axis=-3),
        np.repeat(value, _checked(query.shape[-3], key.shape[-3]), axis=-3),
        mask,
    )
)


variant = VARIANTS.of("layers.cached_attention")


@variant("new ones first")
def new_first(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = torch.cat((positions, past))[None, :] <= positions[:, None]
    return fused_attention(query, torch.cat((key, past_key), -2), torch.cat((value, past_value), -2), mask)


@variant("two sums with one largest score")
def two_sums(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    """Each half by itself, as a paged or a distributed cache does it; then weighted by the halves' totals."""
    query = query * query.shape[-1] ** -0.5
    halves = []
    for keys, values, places in ((past_key, past_value, past), (key, value, positions)):
        seen = places[None, :] <= positions[:, None]
        scores = (query @ keys.mT).masked_fill(~seen, torch.finfo(query.dtype).min / 2)
        halves.append((scores, seen, values))
    largest = torch.cat([scores for scores, _, _ in halves], -1).amax(-1, keepdim=True).detach()
    weights = [(scores - largest).exp() * seen for scores, seen, _ in halves]
    total = sum(half.sum(-1, keepdim=True) for half in weights)
    return sum(half @ values for half, (_, _, values) in zip(weights, halves, strict=True)) / total


@variant("tiles of keys")
def cached_tiles(query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past: Any) -> Any:
    mask = positions[:, None] >= torch.cat((past, positions))[None, :]
    return tiled(query, torch.cat((past_key, key), -2), torch.cat((past_value, value), -2), mask)


@VARIANTS.of("layers.split_heads")("written into an empty array")
def written_heads(x: Any, heads: int) -> Any:
    width = _checked(x.shape[-1], heads)
    y = x.new_empty(*x.shape[:-2], heads, x.shape[-2], width)
    for h in range(heads):
        y[..., h, :, :] = x[..., h * width : (h + 1) * width]
    return y


@VARIANTS.of("layers.split_heads")("every head a choice of columns")
def chosen_columns(x: Any, heads: int) -> Any:
    columns = torch.arange(x.shape[-1]).reshape(heads, _checked(x.shape[-1], heads))
    return x[..., columns].movedim(-2, -3)


@VARIANTS.of("layers.merge_heads")("written into an empty array")
def written_vectors(x: Any) -> Any:
    heads, positions, width = x.shape[-3:]
    y = x.new_empty(*x.shape[:-3], positions, heads * width)
    for h in range(heads):
        y[..., h * width : (h + 1) * width] = x[..., h, :, :]
    return y


@VARIANTS.of("layers.merge_heads")("every coordinate looked up in its head")
def looked_up(x: Any) -> Any:
    column = torch.arange(x.shape[-3] * x.shape[-1])
    head = column // max(x.shape[-1], 1)
    return x.movedim(-3, -2)[..., head, column - head * x.shape[-1]]


@VARIANTS.of("layers.multi_head_attention")("einsum, weights with an axis for the heads")
def head_axis(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    width = query.shape[0] // heads
    q, k, v = (
        torch.einsum("...pm,hkm->...hpk", x, weight.reshape(heads, width, weight.shape[1]))
        for weight in (query, key, value)
    )
    y = divided_last(torch.einsum("...hqk,...hpk->...hqp", q, k) / width**0.5, v, mask)
    return torch.einsum("...hpk,mhk->...pm", y, output.reshape(len(output), heads, width))


@VARIANTS.of("layers.multi_head_attention")("NumPy, head by head", arrays="numpy")
def heads_in_numpy(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    q, k, v = (by_index(np.inner(x, weight), heads) for weight in (query, key, value))
    y = by_query(q, k, v, mask)
    return np.inner(np.concatenate([y[..., h, :, :] for h in range(heads)], axis=-1), output)


@VARIANTS.of("layers.grouped_query_attention")("an axis for the groups")
def group_axis(query: Any, key: Any, value: Any, mask: Any) -> Any:
    group = _checked(query.shape[-3], key.shape[-3])
    q = query.unflatten(-3, (key.shape[-3], group)) * query.shape[-1] ** -0.5
    return divided_last(torch.einsum("...jgqd,...jkd->...jgqk", q, key), value.unsqueeze(-3), mask).flatten(-4, -3)


@VARIANTS.of("layers.multi_query_attention")("head after head, divided at the end")
def head_after_head(query: Any, key: Any, value: Any, mask: Any) -> Any:
    query = query * query.shape[-1] ** -0.5
    heads = [divided_last(query[..., h, :, :] @ key.mT, value, mask) for h in range(query.shape[-3])]
    return torch.stack(heads, dim=-3)
