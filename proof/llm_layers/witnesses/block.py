"""Block through torch's own kernels."""

from typing import Any

from torch.nn import functional as F

from proof.llm_layers.witnesses.attention import causal_mask
from proof.llm_layers.witnesses.feed_forward import swiglu
from proof.llm_layers.witnesses.norm import rms_norm
from proof.llm_layers.witnesses.position import rotary


def block(
    x: Any, positions: Any, attention_norm: Any, query: Any, key: Any, value: Any, query_norm: Any,
    key_norm: Any, output: Any, feed_forward_norm: Any, gate: Any, up: Any, down: Any,
    heads: int, kv_heads: int, rope_base: float, eps: float,
) -> Any:  # fmt: skip
    normed = rms_norm(x, attention_norm, eps)
    d_head = len(query_norm)
    q, k, v = (
        F.linear(normed, weight).reshape(*x.shape[:-1], count, d_head).transpose(-2, -3)
        for weight, count in ((query, heads), (key, kv_heads), (value, kv_heads))
    )
    q = rotary(rms_norm(q, query_norm, eps), positions, rope_base)
    k = rotary(rms_norm(k, key_norm, eps), positions, rope_base)
    mask = causal_mask(positions, positions)
    joined = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    h = x + F.linear(joined.transpose(-2, -3).flatten(-2), output)
    return h + swiglu(rms_norm(h, feed_forward_norm, eps), gate, up, down)
