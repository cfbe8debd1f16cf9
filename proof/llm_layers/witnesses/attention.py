"""Attention through torch's own kernels."""

from typing import Any

import torch
from torch.nn import functional as F


def softmax(scores: Any, axis: int) -> Any:
    return F.log_softmax(scores, dim=axis).exp()


def causal_mask(query_positions: Any, key_positions: Any) -> Any:
    return torch.ge(query_positions.unsqueeze(-1), key_positions.unsqueeze(-2))


def attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def sliding_window_mask(query_positions: Any, key_positions: Any, window: int) -> Any:
    first = torch.sub(query_positions, window - 1)
    later = torch.le(key_positions.unsqueeze(-2), query_positions.unsqueeze(-1))
    return torch.logical_and(later, torch.ge(key_positions.unsqueeze(-2), first.unsqueeze(-1)))


def document_mask(query_documents: Any, key_documents: Any) -> Any:
    # A document is a coordinate: two tokens meet where the product of their one-hot vectors is 1.
    numbers = torch.unique(torch.cat([query_documents.reshape(-1), key_documents.reshape(-1)]))
    query, key = (torch.eq(x.unsqueeze(-1), numbers).double() for x in (query_documents, key_documents))
    return torch.einsum("...qn,...kn->...qk", query, key) == 1


def soft_cap(scores: Any, cap: float) -> Any:
    return torch.mul(F.tanh(torch.div(scores, cap)), cap)


def capped_attention(query: Any, key: Any, value: Any, mask: Any, cap: float) -> Any:
    """The kernel knows no cap, but takes any scores as its bias: zeros as queries leave these alone."""
    scores = torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5
    bias = torch.mul(F.tanh(torch.div(scores, cap)), cap)
    if mask is not None:
        bias = torch.where(mask, bias, -torch.inf)
    return F.scaled_dot_product_attention(query * 0, key * 0, value, attn_mask=bias)
