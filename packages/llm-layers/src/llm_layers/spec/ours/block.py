"""The block runs through the real module."""

import torch
from torch import Tensor

from llm_layers import EAGER, Block, Kernels, ModelConfig, causal_mask
from llm_layers.layers.rotary import rotary_angles

__all__ = ["block"]


def block(
    x: Tensor, positions: Tensor, attention_norm: Tensor, query: Tensor, key: Tensor, value: Tensor,
    query_norm: Tensor, key_norm: Tensor, output: Tensor, feed_forward_norm: Tensor, gate: Tensor, up: Tensor,
    down: Tensor, heads: int, kv_heads: int, rope_base: float, eps: float,
    kernels: Kernels = EAGER,
) -> Tensor:  # fmt: skip
    """Run `Block` with these weights in the place of its own."""
    config = ModelConfig(
        vocab_size=1, context_length=1, layers=1, d_model=x.shape[-1], d_head=len(query_norm), d_ff=len(gate),
        heads=heads, kv_heads=kv_heads, rope_base=rope_base, norm_eps=eps,
    )  # fmt: skip
    weights = {
        "attention_norm.gain": attention_norm,
        "attention.query.weight": query,
        "attention.key.weight": key,
        "attention.value.weight": value,
        "attention.query_norm.gain": query_norm,
        "attention.key_norm.gain": key_norm,
        "attention.output.weight": output,
        "feed_forward_norm.gain": feed_forward_norm,
        "feed_forward.gate.weight": gate,
        "feed_forward.up.weight": up,
        "feed_forward.down.weight": down,
    }
    with torch.device("meta"):
        module = Block(config, kernels)
    rotation = rotary_angles(positions, config.d_head, rope_base, x.dtype)
    y: Tensor = torch.func.functional_call(module, weights, (x, rotation, causal_mask(positions, positions)))
    return y
