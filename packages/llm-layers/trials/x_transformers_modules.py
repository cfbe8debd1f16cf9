"""x-transformers, checked: its modules under the contracts' names."""

from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from x_transformers import x_transformers as x
from x_transformers.attend import Attend

SPEC_ARRAYS = "torch"


def rms_norm(vectors: Any, gain: Any, eps: float) -> Any:
    return functional_call(x.RMSNorm(len(gain)), {"g": gain}, (vectors,))  # it takes no eps


def layer_norm(vectors: Any, gain: Any, bias: Any, eps: float) -> Any:
    y = functional_call(x.LayerNorm(len(gain)), {"gamma": gain}, (vectors,))  # it has no bias and takes no eps
    return y if bias is None else y + bias


def rotary_interleaved(vectors: Any, positions: Any, base: float) -> Any:
    count = vectors.shape[:-2].numel()
    rows = vectors.reshape(count, 1, *vectors.shape[-2:])
    places = positions.expand(vectors.shape[:-1]).reshape(count, vectors.shape[-2])
    angles, _ = x.RotaryEmbedding(vectors.shape[-1], base=base)(places)
    return x.apply_rotary_pos_emb(rows, angles).reshape(vectors.shape)


def rotary(vectors: Any, positions: Any, base: float) -> Any:
    """The only order of pairs that it has, where the Hugging Face files want the other."""
    return rotary_interleaved(vectors, positions, base)


def attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    leading = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])

    def heads(t: Any) -> Any:
        return t.expand(*leading, *t.shape[-2:]).reshape(1, leading.numel(), *t.shape[-2:])

    seen = (
        mask if mask is None else mask.expand(*leading, *mask.shape[-2:]).reshape(1, leading.numel(), *mask.shape[-2:])
    )
    y, _ = Attend(heads=heads(query).shape[1])(heads(query), heads(key), heads(value), mask=seen)
    return y.reshape(*leading, *y.shape[-2:])


def soft_cap(scores: Any, cap: float) -> Any:
    return x.softclamp(scores, cap)


def swiglu(vectors: Any, gate: Any, up: Any, down: Any) -> Any:
    return _gated(vectors, gate, up, down, swish=True)


def _gated(vectors: Any, gate: Any, up: Any, down: Any, **options: Any) -> Any:
    d_model, d_ff = gate.shape[1], gate.shape[0]
    module = x.FeedForward(d_model, mult=d_ff / d_model, glu=True, no_bias=True, **options)
    names = [name for name, _ in module.named_parameters()]  # its gated layer keeps its bias whatever is asked
    given: dict[str, Any] = {}
    for name in names:
        if name.endswith("proj.weight"):
            given[name] = torch.cat([up, gate])
        elif name.endswith("proj.bias"):
            given[name] = torch.zeros(2 * d_ff, dtype=vectors.dtype)
        else:
            given[name] = down
    return functional_call(module, given, (vectors,))


def relu_squared(vectors: Any) -> Any:
    return x.ReluSquared()(vectors)


def gelu(vectors: Any) -> Any:
    return nn.GELU()(vectors)


def embedding(ids: Any, table: Any) -> Any:
    return functional_call(x.TokenEmbedding(table.shape[1], len(table)), {"emb.weight": table}, (ids,))
