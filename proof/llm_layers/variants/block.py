"""Block: correct implementations written otherwise."""

from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.spec import fast as our
from llm_layers.spec.ours import block
from llm_tokenizer.conformance import Alternatives
from proof.llm_layers.variants.feed_forward import one_product
from proof.llm_layers.variants.multi_head_attention import group_axis
from proof.llm_layers.variants.norm import in_float32
from proof.llm_layers.variants.position import sign_and_roll

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.block")


@variant("one sequence at a time")
def one_at_a_time(x: Any, *rest: Any) -> Any:
    return torch.cat([block(row[None], *rest) for row in x])


VARIANTS.of("layers.block")("our fast kernels")(our.block)


@VARIANTS.of("layers.block")("one joined projection, norms in float32, an axis for the groups")
def joined(
    x: Any, positions: Any, attention_norm: Any, query: Any, key: Any, value: Any, query_norm: Any, key_norm: Any,
    output: Any, feed_forward_norm: Any, gate: Any, up: Any, down: Any,
    heads: int, kv_heads: int, rope_base: float, eps: float,
) -> Any:  # fmt: skip
    made = F.linear(in_float32(x, attention_norm, eps), torch.cat([query, key, value]))
    parts = made.reshape(*x.shape[:-1], heads + 2 * kv_heads, len(query_norm)).movedim(-2, -3)
    q, k, v = torch.tensor_split(parts, (heads, heads + kv_heads), dim=-3)
    q = sign_and_roll(in_float32(q, query_norm, eps), positions, rope_base)
    k = sign_and_roll(in_float32(k, key_norm, eps), positions, rope_base)
    gathered = group_axis(q, k, v, positions[:, None] >= positions[None, :])
    h = F.linear(gathered.movedim(-3, -2).flatten(-2), output) + x
    return one_product(in_float32(h, feed_forward_norm, eps), gate, up, down) + h
