"""llm-layers: token ids in, logits out.

| file or folder | holds |
|---|---|
| `config` | `ModelConfig`, the shape of a model; `Design`, which variant of each part its family uses |
| `model`, `block` | `Decoder`, `Block` and `SelfAttention`: what the layers are assembled to |
| `layers` | the parts, one lesson each: pure functions, and thin modules that hold their weights |
| `kernels` | the same functions, faster; `EAGER`, `FUSED` and `FAST` choose |
| `formats` | model folders in the Hugging Face layout, GGUF in and out, ONNX out |
| `inspection` | attention maps, logit lens, statistics, costs, the first tensor that differs between two models |
| `commands` | `llm-layers` on the command line |
| `interface` | what the other packages rely on |
| `reference`, `spec` | the same parts in plain NumPy; the specification that pins them |
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llm_tokenizer

if not hasattr(llm_tokenizer, "BytePairTokenizer"):
    raise ImportError(
        f"{llm_tokenizer.__file__} belongs to another project's package llm-tokenizer: install ours over it, "
        "pip install --force-reinstall --no-deps ./packages/llm-tokenizer"
    )

if TYPE_CHECKING:  # imported when it is first used: `llm-layers --help` needs no torch
    from llm_layers.block import Block, SelfAttention
    from llm_layers.config import Design, Experts, ModelConfig
    from llm_layers.formats.gguf import load_gguf, save_gguf
    from llm_layers.formats.huggingface.registry import read_settings, write_settings
    from llm_layers.formats.huggingface.storage import load_config, load_model, save_model
    from llm_layers.formats.onnx import export_onnx
    from llm_layers.inspection import attention_maps, first_divergence, layer_statistics, load_transformers, logit_lens
    from llm_layers.inspection.costs import (
        activation_bytes,
        active_parameter_count,
        cache_bytes,
        forward_flops_per_token,
        max_decode_tokens_per_second,
        parameter_count,
        training_flops_per_token,
        training_state_bytes,
        weight_bytes,
    )
    from llm_layers.inspection.depth import residual_variance_by_layer
    from llm_layers.interface import Cache, LanguageModel, LayersError
    from llm_layers.kernels import EAGER, FUSED, Kernels
    from llm_layers.kernels.bfloat16 import bfloat16_int4_linear, bfloat16_int8_linear, pack_int4, use_bfloat16_kernels
    from llm_layers.layers.activation import gelu, gelu_tanh, relu_squared, silu
    from llm_layers.layers.attention import attention, capped_attention, fused_attention, soft_cap, softmax
    from llm_layers.layers.dropout import Dropout, dropout
    from llm_layers.layers.embedding import Embedding, embedding, tied_head
    from llm_layers.layers.feed_forward import (
        GeGLU,
        GeluFeedForward,
        ReluSquaredFeedForward,
        SwiGLU,
        geglu,
        gelu_feed_forward,
        relu_squared_feed_forward,
        swiglu,
    )
    from llm_layers.layers.initialization import (
        initialize,
        initialize_gpt2,
        initialize_normal,
        initialize_truncated,
        scaled_initialization,
        truncated_normal,
    )
    from llm_layers.layers.kv_cache import GrowingCache, KeyValueCache, LayerCache, SlidingCache, StaticCache
    from llm_layers.layers.linear import Linear, linear
    from llm_layers.layers.linear_cross_entropy import linear_cross_entropy
    from llm_layers.layers.lora import (
        LoraLinear,
        add_lora,
        lora_linear,
        lora_weights,
        merge_all_lora,
        merge_lora,
        remove_lora,
        unmerge_all_lora,
    )
    from llm_layers.layers.loss import IGNORE_INDEX, cross_entropy, smoothed_cross_entropy, z_loss
    from llm_layers.layers.mask import causal_mask, sliding_window_mask
    from llm_layers.layers.mixture_of_experts import (
        MixtureOfExperts,
        apply_experts,
        mixture_of_experts,
        mixture_with_shared_expert,
        top_k_router,
    )
    from llm_layers.layers.multi_head_attention import (
        cached_attention,
        grouped_query_attention,
        merge_heads,
        multi_head_attention,
        multi_query_attention,
        split_heads,
    )
    from llm_layers.layers.norm import LayerNorm, RMSNorm, layer_norm, query_key_norm, rms_norm
    from llm_layers.layers.position import (
        LearnedPositions,
        SinusoidalPositions,
        learned_positions,
        sinusoidal_positions,
    )
    from llm_layers.layers.quantization import (
        dequantize_int4,
        dequantize_int8,
        int4_linear,
        int8_linear,
        quantize_int4,
        quantize_int8,
    )
    from llm_layers.layers.quantized_linear import (
        Int4Linear,
        Int8Linear,
        QuantizationReport,
        QuantizedLinear,
        quantize_model,
    )
    from llm_layers.layers.residual import branch_norm, post_norm, pre_norm
    from llm_layers.layers.rotary import inverse_frequencies, rotary, rotary_angles, rotary_interleaved
    from llm_layers.layers.rotary_scaling import (
        LinearScaling,
        Llama3Scaling,
        RotaryScaling,
        YarnScaling,
        linear_scaling,
        llama3_scaling,
        yarn_attention_factor,
        yarn_scaling,
    )
    from llm_layers.layers.router_losses import load_balancing_loss, router_z_loss
    from llm_layers.model import Decoder

__all__ = [
    "EAGER",
    "FUSED",
    "IGNORE_INDEX",
    "Block",
    "Cache",
    "Decoder",
    "Design",
    "Dropout",
    "Embedding",
    "Experts",
    "GeGLU",
    "GeluFeedForward",
    "GrowingCache",
    "Int4Linear",
    "Int8Linear",
    "Kernels",
    "KeyValueCache",
    "LanguageModel",
    "LayerCache",
    "LayerNorm",
    "LayersError",
    "LearnedPositions",
    "Linear",
    "LinearScaling",
    "Llama3Scaling",
    "LoraLinear",
    "MixtureOfExperts",
    "ModelConfig",
    "QuantizationReport",
    "QuantizedLinear",
    "RMSNorm",
    "ReluSquaredFeedForward",
    "RotaryScaling",
    "SelfAttention",
    "SinusoidalPositions",
    "SlidingCache",
    "StaticCache",
    "SwiGLU",
    "YarnScaling",
    "activation_bytes",
    "active_parameter_count",
    "add_lora",
    "apply_experts",
    "attention",
    "attention_maps",
    "bfloat16_int4_linear",
    "bfloat16_int8_linear",
    "branch_norm",
    "cache_bytes",
    "cached_attention",
    "capped_attention",
    "causal_mask",
    "cross_entropy",
    "dequantize_int4",
    "dequantize_int8",
    "dropout",
    "embedding",
    "export_onnx",
    "first_divergence",
    "forward_flops_per_token",
    "fused_attention",
    "geglu",
    "gelu",
    "gelu_feed_forward",
    "gelu_tanh",
    "grouped_query_attention",
    "initialize",
    "initialize_gpt2",
    "initialize_normal",
    "initialize_truncated",
    "int4_linear",
    "int8_linear",
    "inverse_frequencies",
    "layer_norm",
    "layer_statistics",
    "learned_positions",
    "linear",
    "linear_cross_entropy",
    "linear_scaling",
    "llama3_scaling",
    "load_balancing_loss",
    "load_config",
    "load_gguf",
    "load_model",
    "load_transformers",
    "logit_lens",
    "lora_linear",
    "lora_weights",
    "max_decode_tokens_per_second",
    "merge_all_lora",
    "merge_heads",
    "merge_lora",
    "mixture_of_experts",
    "mixture_with_shared_expert",
    "multi_head_attention",
    "multi_query_attention",
    "pack_int4",
    "parameter_count",
    "post_norm",
    "pre_norm",
    "quantize_int4",
    "quantize_int8",
    "quantize_model",
    "query_key_norm",
    "read_settings",
    "relu_squared",
    "relu_squared_feed_forward",
    "remove_lora",
    "residual_variance_by_layer",
    "rms_norm",
    "rotary",
    "rotary_angles",
    "rotary_interleaved",
    "router_z_loss",
    "save_gguf",
    "save_model",
    "scaled_initialization",
    "silu",
    "sinusoidal_positions",
    "sliding_window_mask",
    "smoothed_cross_entropy",
    "soft_cap",
    "softmax",
    "split_heads",
    "swiglu",
    "tied_head",
    "top_k_router",
    "training_flops_per_token",
    "training_state_bytes",
    "truncated_normal",
    "unmerge_all_lora",
    "use_bfloat16_kernels",
    "weight_bytes",
    "write_settings",
    "yarn_attention_factor",
    "yarn_scaling",
    "z_loss",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name from the module that the list above names for it."""
    if name == "__version__":
        return _version()
    if name not in __all__:
        raise AttributeError(f"module 'llm_layers' has no attribute {name!r}")
    for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("llm_layers."):
            module = import_module(f"llm_layers.{str(node.module).removeprefix('llm_layers.')}")
            globals().update((alias.name, getattr(module, alias.name)) for alias in node.names)
    return globals()[name]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("llm-layers")
    except PackageNotFoundError:  # run from a source folder that is not installed
        return "0.1.0"
