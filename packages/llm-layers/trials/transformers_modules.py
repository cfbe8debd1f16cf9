"""Hugging Face transformers, checked: the modules inside its models, and whole models from their own classes."""

from math import prod
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, LlamaConfig, Qwen3Config
from transformers.activations import ACT2FN
from transformers.loss.loss_utils import fixed_cross_entropy
from transformers.models.gemma3.modeling_gemma3 import Gemma3MLP
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.models.llama.modeling_llama import (
    LlamaMLP,
    LlamaRMSNorm,
    LlamaRotaryEmbedding,
    apply_rotary_pos_emb,
    eager_attention_forward,
)
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer
from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func

SPEC_ARRAYS = "torch"


def rms_norm(x: Any, gain: Any, eps: float) -> Any:
    return functional_call(LlamaRMSNorm(len(gain), eps).to("meta"), {"weight": gain}, (x,))


def rotary(x: Any, positions: Any, base: float) -> Any:
    count = x.shape[:-2].numel()
    rows = x.reshape(count, 1, *x.shape[-2:])
    places = positions.expand(x.shape[:-1]).reshape(count, x.shape[-2])
    cosine, sine = _angles(rows, places, x.shape[-1], base)
    return apply_rotary_pos_emb(rows, rows, cosine, sine)[0].reshape(x.shape)


def _angles(x: Any, places: Any, d_head: int, base: float) -> Any:
    config = LlamaConfig(head_dim=d_head, rope_parameters={"rope_type": "default", "rope_theta": base})
    return LlamaRotaryEmbedding(config)(x, places)


def attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    leading = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])

    def heads(t: Any) -> Any:
        return t.expand(*leading, *t.shape[-2:]).reshape(1, leading.numel(), *t.shape[-2:])

    module = nn.Module().eval()
    module.num_key_value_groups = 1
    bias = None
    if mask is not None:
        bias = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, _lowest(query.dtype))
        bias = bias.expand(*leading, *mask.shape[-2:]).reshape(1, leading.numel(), *mask.shape[-2:])
    scale = query.shape[-1] ** -0.5
    y, _ = eager_attention_forward(module, heads(query), heads(key), heads(value), bias, scaling=scale)
    return y.transpose(1, 2).reshape(*leading, *y.shape[1:2], y.shape[-1])


def _lowest(dtype: Any) -> float:
    """Its softmax works in float32: a lower number would become -inf there."""
    return max(torch.finfo(dtype).min, torch.finfo(torch.float32).min)


def swiglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    config = LlamaConfig(hidden_size=x.shape[-1], intermediate_size=len(gate), num_attention_heads=1)
    return _gated(LlamaMLP(config), x, gate, up, down)


def geglu(x: Any, gate: Any, up: Any, down: Any) -> Any:
    config = Gemma3TextConfig(hidden_size=x.shape[-1], intermediate_size=len(gate), num_attention_heads=1)
    return _gated(Gemma3MLP(config), x, gate, up, down)


def _gated(module: Any, x: Any, gate: Any, up: Any, down: Any) -> Any:
    weights = {"gate_proj.weight": gate, "up_proj.weight": up, "down_proj.weight": down}
    return functional_call(module, weights, (x,))


def gelu_feed_forward(x: Any, up: Any, up_bias: Any, down: Any, down_bias: Any) -> Any:
    config = GPT2Config(n_embd=x.shape[-1], n_head=1, resid_pdrop=0.0)
    weights = {"c_fc.weight": up.T, "c_fc.bias": up_bias, "c_proj.weight": down.T, "c_proj.bias": down_bias}
    return functional_call(GPT2MLP(len(up), config).eval(), weights, (x,))


def gelu(x: Any) -> Any:
    return ACT2FN["gelu"](x)


def gelu_tanh(x: Any) -> Any:
    return ACT2FN["gelu_new"](x)


def silu(x: Any) -> Any:
    return ACT2FN["silu"](x)


def relu_squared(x: Any) -> Any:
    return ACT2FN["relu2"](x)


def block(
    x: Any, positions: Any, attention_norm: Any, query: Any, key: Any, value: Any, query_norm: Any, key_norm: Any,
    output: Any, feed_forward_norm: Any, gate: Any, up: Any, down: Any, heads: int, kv_heads: int, rope_base: float,
    eps: float,
) -> Any:  # fmt: skip
    config = Qwen3Config(
        hidden_size=x.shape[-1], intermediate_size=len(gate), num_attention_heads=heads, head_dim=len(query_norm),
        num_key_value_heads=kv_heads, rms_norm_eps=eps, attn_implementation="eager",
        rope_parameters={"rope_type": "default", "rope_theta": rope_base},
    )  # fmt: skip
    weights = {
        "input_layernorm.weight": attention_norm, "self_attn.q_proj.weight": query, "self_attn.k_proj.weight": key,
        "self_attn.v_proj.weight": value, "self_attn.o_proj.weight": output, "self_attn.q_norm.weight": query_norm,
        "self_attn.k_norm.weight": key_norm, "post_attention_layernorm.weight": feed_forward_norm,
        "mlp.gate_proj.weight": gate, "mlp.up_proj.weight": up, "mlp.down_proj.weight": down,
    }  # fmt: skip
    bias = torch.zeros(len(positions), len(positions), dtype=x.dtype)
    bias = bias.masked_fill(positions[None, :] > positions[:, None], _lowest(x.dtype))
    angles = _angles(x, positions[None], len(query_norm), rope_base)
    options = {"attention_mask": bias[None, None], "position_embeddings": angles}
    return functional_call(Qwen3DecoderLayer(config, 0).eval(), weights, (x,), options)


def cross_entropy(logits: Any, targets: Any, ignored: int) -> Any:
    return fixed_cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=ignored)


def load_balancing_loss(logits: Any, k: int) -> Any:
    return load_balancing_loss_func((logits.reshape(-1, logits.shape[-1]),), logits.shape[-1], k)


def decoder(ids: Any, settings: Any, layout: Any, weights: Any) -> Any:
    """The whole model, made by its own class from the settings alone."""
    config = AutoConfig.for_model(**settings)
    config.pad_token_id = None
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", experts_implementation="eager")
    model = model.eval().to(weights.dtype)
    parts = weights.split([prod(shape) for _, shape in layout])
    given = {name: part.reshape(shape) for (name, shape), part in zip(layout, parts, strict=True)}
    if settings["model_type"] == "qwen3_moe":  # in memory all experts of a block are one weight
        given = _joined_experts(given, settings)
    if settings.get("tie_word_embeddings"):
        table = "transformer.wte.weight" if settings["model_type"] == "gpt2" else "model.embed_tokens.weight"
        given["lm_head.weight"] = given[table]
    return functional_call(model, given, (ids,), {"use_cache": False}, tie_weights=False).logits


def _joined_experts(given: dict[str, Any], settings: Any) -> dict[str, Any]:
    joined = {name: weight for name, weight in given.items() if ".experts." not in name}
    for layer in range(settings["num_hidden_layers"]):
        at, count = f"model.layers.{layer}.mlp.experts.", range(settings["num_experts"])

        def of(part: str, expert: int, at: str = at) -> Any:
            return given[f"{at}{expert}.{part}_proj.weight"]

        joined[f"{at}gate_up_proj"] = torch.stack([torch.cat([of("gate", e), of("up", e)]) for e in count])
        joined[f"{at}down_proj"] = torch.stack([of("down", e) for e in count])
    return joined


def tied_head(x: Any, table: Any) -> Any:
    return F.linear(x, table)
