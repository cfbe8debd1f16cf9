"""torch.nn, checked: its own modules and functions under the contracts' names."""

from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

SPEC_ARRAYS = "torch"


def _run(module: nn.Module, weights: dict[str, Any], *inputs: Any, **options: Any) -> Any:
    """Run a module with these weights in the place of its own."""
    return functional_call(module, weights, inputs, options)


def _like(x: Any) -> dict[str, Any]:
    return {"dtype": x.dtype, "device": "meta"}


def linear(x: Any, weight: Any, bias: Any) -> Any:
    module = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, **_like(x))
    return _run(module, {"weight": weight} | ({} if bias is None else {"bias": bias}), x)


def embedding(ids: Any, table: Any) -> Any:
    return _run(nn.Embedding(*table.shape, **_like(table)), {"weight": table}, ids)


def rms_norm(x: Any, gain: Any, eps: float) -> Any:
    return _run(nn.RMSNorm(len(gain), eps, **_like(x)), {"weight": gain}, x)


def layer_norm(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    module = nn.LayerNorm(len(gain), eps, bias=bias is not None, **_like(x))
    return _run(module, {"weight": gain} | ({} if bias is None else {"bias": bias}), x)


def softmax(scores: Any, axis: int) -> Any:
    return nn.Softmax(axis)(scores)


def attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def grouped_query_attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)


def multi_head_attention(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    width = x.shape[-1]
    module = nn.MultiheadAttention(width, heads, bias=False, batch_first=True, **_like(x))
    weights = {"in_proj_weight": torch.cat([query, key, value]), "out_proj.weight": output}
    hidden = None if mask is None else ~mask
    return _run(module, weights, x, x, x, attn_mask=hidden, need_weights=False)[0]


def gelu(x: Any) -> Any:
    return nn.GELU()(x)


def gelu_tanh(x: Any) -> Any:
    return nn.GELU(approximate="tanh")(x)


def silu(x: Any) -> Any:
    return nn.SiLU()(x)


def cross_entropy(logits: Any, targets: Any, ignored: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return nn.CrossEntropyLoss(ignore_index=ignored)(rows, targets.reshape(-1))


def smoothed_cross_entropy(logits: Any, targets: Any, smoothing: float, ignored: int) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return nn.CrossEntropyLoss(ignore_index=ignored, label_smoothing=smoothing)(rows, targets.reshape(-1))
