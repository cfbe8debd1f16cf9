"""LLMs-from-scratch, checked: the modules of the book's package under the contracts' names."""

from typing import Any

import torch
from llms_from_scratch import ch03, ch04, qwen3
from torch.func import functional_call

SPEC_ARRAYS = "torch"


def layer_norm(x: Any, gain: Any, bias: Any, eps: float) -> Any:
    shift = torch.zeros_like(gain) if bias is None else bias
    return functional_call(ch04.LayerNorm(len(gain)), {"scale": gain, "shift": shift}, (x,))  # it takes no eps


def rms_norm(x: Any, gain: Any, eps: float) -> Any:
    return functional_call(qwen3.RMSNorm(len(gain), eps=eps), {"scale": gain}, (x,))


def gelu_tanh(x: Any) -> Any:
    return ch04.GELU()(x)


def gelu_feed_forward(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    module = ch04.FeedForward({"emb_dim": x.shape[-1]})  # always four times as wide inside
    names = ("layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias")
    return functional_call(module, dict(zip(names, (up, up_bias, down, down_bias), strict=True)), (x,))


def swiglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    module = qwen3.FeedForward({"emb_dim": x.shape[-1], "hidden_dim": len(gate), "dtype": x.dtype})
    return functional_call(module, {"fc1.weight": gate, "fc2.weight": up, "fc3.weight": down}, (x,))


def rotary(x: Any, positions: Any, base: float) -> Any:
    count = x.shape[:-2].numel()
    rows = x.reshape(count, 1, *x.shape[-2:])
    length = int(positions.max()) + 1 if positions.numel() else 1
    cosine, sine = qwen3.compute_rope_params(x.shape[-1], base, length)  # a table, taken from its beginning
    rotated = [
        qwen3.apply_rope(row[None], cosine[place], sine[place])
        for row, place in zip(rows, positions.expand(x.shape[:-1]).reshape(count, x.shape[-2]), strict=True)
    ]
    return torch.cat(rotated).reshape(x.shape) if rotated else x


def multi_head_attention(x: Any, query: Any, key: Any, value: Any, output: Any, heads: int, mask: Any) -> Any:
    """Always causal: another mask cannot be given."""
    width = len(output)
    module = ch03.MultiHeadAttention(x.shape[-1], width, x.shape[-2], 0.0, heads).eval()
    weights = {
        "W_query.weight": query, "W_key.weight": key, "W_value.weight": value, "out_proj.weight": output,
        "out_proj.bias": torch.zeros(width, dtype=x.dtype),
    }  # fmt: skip
    rows = x.reshape(x.shape[:-2].numel(), *x.shape[-2:])
    return functional_call(module, weights, (rows,)).reshape(*x.shape[:-1], width)


def block(
    x: Any, positions: Any, attention_norm: Any, query: Any, key: Any, value: Any, query_norm: Any, key_norm: Any,
    output: Any, feed_forward_norm: Any, gate: Any, up: Any, down: Any, heads: int, kv_heads: int, rope_base: float,
    eps: float,
) -> Any:  # fmt: skip
    """Its Qwen3 block; eps is fixed inside, and positions are those of a table taken from its beginning."""
    module = qwen3.TransformerBlock(
        {
            "emb_dim": x.shape[-1], "n_heads": heads, "n_kv_groups": kv_heads, "head_dim": len(query_norm),
            "qk_norm": True, "hidden_dim": len(gate), "dtype": x.dtype,
        }
    )  # fmt: skip
    weights = {
        "norm1.scale": attention_norm, "att.W_query.weight": query, "att.W_key.weight": key,
        "att.W_value.weight": value, "att.out_proj.weight": output, "att.q_norm.scale": query_norm,
        "att.k_norm.scale": key_norm, "norm2.scale": feed_forward_norm, "ff.fc1.weight": gate,
        "ff.fc2.weight": up, "ff.fc3.weight": down,
    }  # fmt: skip
    length = int(positions.max()) + 1 if positions.numel() else 1
    cosine, sine = qwen3.compute_rope_params(len(query_norm), rope_base, length)
    hidden = positions[None, :] > positions[:, None]
    return functional_call(module, weights, (x, hidden, cosine[positions].to(x.dtype), sine[positions].to(x.dtype)))
