"""Heads through torch's own kernels."""

from typing import Any

import torch
from torch.nn import functional as F


def split_heads(x: Any, heads: int) -> Any:
    return torch.stack(torch.tensor_split(x, heads, dim=-1), dim=-3)


def merge_heads(x: Any) -> Any:
    return torch.cat(torch.unbind(x, dim=-3), dim=-1)


def multi_head_attention(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    width = x.shape[-1]
    if query.shape[0] != width:  # torch's own multi-head attention knows square weights only
        q, k, v = (split_heads(F.linear(x, weight), heads) for weight in (query, key, value))
        return F.linear(merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=mask)), output)
    rows = x[None].flatten(0, -3).transpose(0, 1)  # position, batch, d_model
    y, _ = F.multi_head_attention_forward(
        rows, rows, rows, width, heads, torch.cat((query, key, value)), None, None, None, False, 0.0, output, None,
        need_weights=False, attn_mask=None if mask is None else ~mask,
    )  # fmt: skip
    return y.transpose(0, 1).reshape(x.shape)


def grouped_query_attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)


def multi_query_attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    keys, values = (torch.stack([each] * query.shape[-3], dim=-3) for each in (key, value))
    return F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)


def cached_attention(
    query: Any, key: Any, value: Any, positions: Any, past_key: Any, past_value: Any, past_positions: Any
) -> Any:
    places = torch.hstack((past_positions, positions))
    mask = torch.ge(positions.unsqueeze(-1), places.unsqueeze(-2))
    keys, values = torch.concat((past_key, key), -2), torch.concat((past_value, value), -2)
    return F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
