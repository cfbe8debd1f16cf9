"""Our own functions under the contracts' names: the package's own, and adapters where they take layers, not weights."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

import llm_layers
from llm_layers import EAGER, Block, Decoder, Kernels, ModelConfig, causal_mask, linear, read_settings, rms_norm
from llm_layers.formats.huggingface.registry import architecture_of
from llm_layers.layers.rotary import rotary_angles

SPEC_ARRAYS = "torch"


def __getattr__(name: str) -> Any:
    """Return the package's own function where there is no adapter below."""
    return getattr(llm_layers, name)


def _layer(weight: Tensor, bias: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    return partial(linear, weight=weight, bias=bias)


def _norm(gain: Tensor, eps: float) -> Callable[[Tensor], Tensor]:
    return partial(rms_norm, gain=gain, eps=eps)


def with_layers(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Adapt a feed-forward function: x stays, each weight becomes a layer."""
    return lambda x, *weights: function(x, *map(_layer, weights))


def _with_norm_and_layer(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Adapt a placement of the norm: the part is one linear layer."""
    return lambda x, gain, weight, eps: function(x, _norm(gain, eps), _layer(weight))


def _with_angles(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Adapt a rotation: it takes the angles of the positions."""
    return lambda x, positions, base: function(x, rotary_angles(positions, x.shape[-1], base, x.dtype))


swiglu = with_layers(llm_layers.swiglu)
geglu = with_layers(llm_layers.geglu)
relu_squared_feed_forward = with_layers(llm_layers.relu_squared_feed_forward)
pre_norm = _with_norm_and_layer(llm_layers.pre_norm)
post_norm = _with_norm_and_layer(llm_layers.post_norm)
branch_norm = _with_norm_and_layer(llm_layers.branch_norm)
rotary = _with_angles(llm_layers.rotary)
rotary_interleaved = _with_angles(llm_layers.rotary_interleaved)


def gelu_feed_forward(
    x: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor, *, kernels: Kernels = EAGER
) -> Tensor:
    """Run `gelu_feed_forward` with layers that have a bias."""
    return kernels.gelu_feed_forward(x, _layer(up, up_bias), _layer(down, down_bias))


def lora_linear(x: Tensor, weight: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Run `lora_linear` with the frozen weight as a layer."""
    return llm_layers.lora_linear(x, _layer(weight), down, up, scale)


def query_key_norm(query: Tensor, key: Tensor, query_gain: Tensor, key_gain: Tensor, eps: float) -> Any:
    """Run `query_key_norm` with a norm for each gain."""
    return llm_layers.query_key_norm(query, key, _norm(query_gain, eps), _norm(key_gain, eps))


def mixture_of_experts(x: Tensor, router: Tensor, *rest: Any) -> Tensor:
    """Run `mixture_of_experts` with the router as a layer."""
    return llm_layers.mixture_of_experts(x, _layer(router), *rest)


def mixture_with_shared_expert(
    x: Tensor, router: Tensor, gate: Tensor, up: Tensor, down: Tensor, *shared_and_rest: Any
) -> Tensor:  # fmt: skip
    """Run `mixture_with_shared_expert` with the router and the shared expert as layers."""
    *shared, k, norm_topk_prob = shared_and_rest
    return llm_layers.mixture_with_shared_expert(
        x, _layer(router), gate, up, down, lambda y: swiglu(y, *shared), k, norm_topk_prob
    )


def sinusoidal_positions(positions: Any, d_model: int, base: float) -> Any:
    """Compute the waves in float64: no array says which type is wanted."""
    return llm_layers.sinusoidal_positions(positions, d_model, base, dtype=torch.float64)


def inverse_frequencies(d_head: int, base: float) -> Any:
    """Compute the frequencies in float64, as above."""
    return llm_layers.inverse_frequencies(d_head, base, dtype=torch.float64)


def block(
    x: Tensor, positions: Tensor, attention_norm: Tensor, query: Tensor, key: Tensor, value: Tensor,
    query_norm: Tensor, key_norm: Tensor, output: Tensor, feed_forward_norm: Tensor, gate: Tensor, up: Tensor,
    down: Tensor, heads: int, kv_heads: int, rope_base: float, eps: float,
    kernels: Kernels = EAGER,
) -> Tensor:  # fmt: skip
    """Run the module `Block` with these weights instead of its own."""
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


def decoder(
    ids: Tensor, settings: Mapping[str, Any], layout: Sequence[Sequence[Any]], weights: Tensor, kernels: Kernels = EAGER
) -> Tensor:
    """Run the module `Decoder` and the reader of settings, with these weights instead of its own."""
    with torch.device("meta"):
        model = Decoder(read_settings(settings), kernels=kernels)
    parts = weights.split([prod(shape) for _, shape in layout])  # type: ignore[no-untyped-call]
    public = {name: part.reshape(shape) for (name, shape), part in zip(layout, parts, strict=True)}
    ours = architecture_of(model.config).from_public(public, dict(model.named_parameters()))
    logits: Tensor = torch.func.functional_call(model, ours, (ids,))
    return logits
