"""llm-layers: token ids in, logits out.

config.py         ModelConfig, the shape of a model; Design, which variant of each part its family uses
model.py, block.py   Decoder, Block, SelfAttention: start reading here
layers/           the layers, one lesson each: pure functions, thin modules
kernels/          which functions a model computes with; the faster ones
formats/          model folders in the Hugging Face layout, GGUF, ONNX
inspection/       attention maps, logit lens, statistics, costs, the first tensor that differs between two models
commands/         `llm-layers`, one file per verb
interface.py      what the other packages rely on
reference/, spec/ the same in plain NumPy; the specification
"""

from typing import TYPE_CHECKING

import llm_tokenizer

if "BytePairTokenizer" not in getattr(llm_tokenizer, "__all__", ()):
    raise ImportError(
        f"{llm_tokenizer.__file__} belongs to another project's package llm-tokenizer: install ours over it, "
        "pip install --force-reinstall --no-deps ./packages/llm-tokenizer"
    )

from llm_tokenizer.commands.deferred_imports import deferred_imports

if TYPE_CHECKING:
    from llm_layers.block import Block as Block
    from llm_layers.block import SelfAttention as SelfAttention
    from llm_layers.config import Design as Design
    from llm_layers.config import Experts as Experts
    from llm_layers.config import ModelConfig as ModelConfig
    from llm_layers.formats.gguf import load_gguf as load_gguf
    from llm_layers.formats.gguf import save_gguf as save_gguf
    from llm_layers.formats.huggingface.registry import read_settings as read_settings
    from llm_layers.formats.huggingface.registry import write_settings as write_settings
    from llm_layers.formats.huggingface.storage import save_model as save_model
    from llm_layers.formats.loading import load_config as load_config
    from llm_layers.formats.loading import load_model as load_model
    from llm_layers.formats.onnx import export_onnx as export_onnx
    from llm_layers.inspection import attention_maps as attention_maps
    from llm_layers.inspection import first_divergence as first_divergence
    from llm_layers.inspection import layer_statistics as layer_statistics
    from llm_layers.inspection import load_transformers as load_transformers
    from llm_layers.inspection import logit_lens as logit_lens
    from llm_layers.inspection.costs import activation_bytes as activation_bytes
    from llm_layers.inspection.costs import active_parameter_count as active_parameter_count
    from llm_layers.inspection.costs import cache_bytes as cache_bytes
    from llm_layers.inspection.costs import forward_flops_per_token as forward_flops_per_token
    from llm_layers.inspection.costs import max_decode_tokens_per_second as max_decode_tokens_per_second
    from llm_layers.inspection.costs import parameter_count as parameter_count
    from llm_layers.inspection.costs import training_flops_per_token as training_flops_per_token
    from llm_layers.inspection.costs import training_state_bytes as training_state_bytes
    from llm_layers.inspection.costs import weight_bytes as weight_bytes
    from llm_layers.inspection.depth import residual_variance_by_layer as residual_variance_by_layer
    from llm_layers.interface import Cache as Cache
    from llm_layers.interface import LanguageModel as LanguageModel
    from llm_layers.interface import LayersError as LayersError
    from llm_layers.kernels import EAGER as EAGER
    from llm_layers.kernels import FAST as FAST
    from llm_layers.kernels import FUSED as FUSED
    from llm_layers.kernels import Kernels as Kernels
    from llm_layers.kernels.bfloat16 import bfloat16_int4_linear as bfloat16_int4_linear
    from llm_layers.kernels.bfloat16 import bfloat16_int8_linear as bfloat16_int8_linear
    from llm_layers.kernels.bfloat16 import pack_int4 as pack_int4
    from llm_layers.kernels.bfloat16 import use_bfloat16_kernels as use_bfloat16_kernels
    from llm_layers.layers.activation import gelu as gelu
    from llm_layers.layers.activation import gelu_tanh as gelu_tanh
    from llm_layers.layers.activation import relu_squared as relu_squared
    from llm_layers.layers.activation import silu as silu
    from llm_layers.layers.attention import attention as attention
    from llm_layers.layers.attention import capped_attention as capped_attention
    from llm_layers.layers.attention import fused_attention as fused_attention
    from llm_layers.layers.attention import soft_cap as soft_cap
    from llm_layers.layers.attention import softmax as softmax
    from llm_layers.layers.dropout import Dropout as Dropout
    from llm_layers.layers.dropout import dropout as dropout
    from llm_layers.layers.dropout import dropout_mask as dropout_mask
    from llm_layers.layers.embedding import Embedding as Embedding
    from llm_layers.layers.embedding import embedding as embedding
    from llm_layers.layers.embedding import tied_head as tied_head
    from llm_layers.layers.feed_forward import GeGLU as GeGLU
    from llm_layers.layers.feed_forward import GeluFeedForward as GeluFeedForward
    from llm_layers.layers.feed_forward import ReluSquaredFeedForward as ReluSquaredFeedForward
    from llm_layers.layers.feed_forward import SwiGLU as SwiGLU
    from llm_layers.layers.feed_forward import geglu as geglu
    from llm_layers.layers.feed_forward import gelu_feed_forward as gelu_feed_forward
    from llm_layers.layers.feed_forward import relu_squared_feed_forward as relu_squared_feed_forward
    from llm_layers.layers.feed_forward import swiglu as swiglu
    from llm_layers.layers.initialization import initialize as initialize
    from llm_layers.layers.initialization import initialize_gpt2 as initialize_gpt2
    from llm_layers.layers.initialization import initialize_normal as initialize_normal
    from llm_layers.layers.initialization import initialize_truncated as initialize_truncated
    from llm_layers.layers.initialization import scaled_initialization as scaled_initialization
    from llm_layers.layers.initialization import truncated_normal as truncated_normal
    from llm_layers.layers.kv_cache import GrowingCache as GrowingCache
    from llm_layers.layers.kv_cache import KeyValueCache as KeyValueCache
    from llm_layers.layers.kv_cache import LayerCache as LayerCache
    from llm_layers.layers.kv_cache import SlidingCache as SlidingCache
    from llm_layers.layers.kv_cache import StaticCache as StaticCache
    from llm_layers.layers.linear import Linear as Linear
    from llm_layers.layers.linear import linear as linear
    from llm_layers.layers.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
    from llm_layers.layers.linear_cross_entropy import linear_cross_entropy_sum as linear_cross_entropy_sum
    from llm_layers.layers.lora import LoraLinear as LoraLinear
    from llm_layers.layers.lora import add_lora as add_lora
    from llm_layers.layers.lora import lora_linear as lora_linear
    from llm_layers.layers.lora import lora_weights as lora_weights
    from llm_layers.layers.lora import merge_all_lora as merge_all_lora
    from llm_layers.layers.lora import merge_lora as merge_lora
    from llm_layers.layers.lora import remove_lora as remove_lora
    from llm_layers.layers.lora import unmerge_all_lora as unmerge_all_lora
    from llm_layers.layers.loss import IGNORE_INDEX as IGNORE_INDEX
    from llm_layers.layers.loss import cross_entropy as cross_entropy
    from llm_layers.layers.loss import cross_entropy_sum as cross_entropy_sum
    from llm_layers.layers.loss import smoothed_cross_entropy as smoothed_cross_entropy
    from llm_layers.layers.loss import z_loss as z_loss
    from llm_layers.layers.mask import causal_mask as causal_mask
    from llm_layers.layers.mask import document_mask as document_mask
    from llm_layers.layers.mask import sliding_window_mask as sliding_window_mask
    from llm_layers.layers.mixture_of_experts import MixtureOfExperts as MixtureOfExperts
    from llm_layers.layers.mixture_of_experts import apply_experts as apply_experts
    from llm_layers.layers.mixture_of_experts import mixture_of_experts as mixture_of_experts
    from llm_layers.layers.mixture_of_experts import mixture_with_shared_expert as mixture_with_shared_expert
    from llm_layers.layers.mixture_of_experts import top_k_router as top_k_router
    from llm_layers.layers.multi_head_attention import cached_attention as cached_attention
    from llm_layers.layers.multi_head_attention import grouped_query_attention as grouped_query_attention
    from llm_layers.layers.multi_head_attention import merge_heads as merge_heads
    from llm_layers.layers.multi_head_attention import multi_head_attention as multi_head_attention
    from llm_layers.layers.multi_head_attention import multi_query_attention as multi_query_attention
    from llm_layers.layers.multi_head_attention import split_heads as split_heads
    from llm_layers.layers.norm import LayerNorm as LayerNorm
    from llm_layers.layers.norm import RMSNorm as RMSNorm
    from llm_layers.layers.norm import layer_norm as layer_norm
    from llm_layers.layers.norm import query_key_norm as query_key_norm
    from llm_layers.layers.norm import rms_norm as rms_norm
    from llm_layers.layers.position import LearnedPositions as LearnedPositions
    from llm_layers.layers.position import SinusoidalPositions as SinusoidalPositions
    from llm_layers.layers.position import learned_positions as learned_positions
    from llm_layers.layers.position import sinusoidal_positions as sinusoidal_positions
    from llm_layers.layers.quantization import dequantize_int4 as dequantize_int4
    from llm_layers.layers.quantization import dequantize_int8 as dequantize_int8
    from llm_layers.layers.quantization import int4_linear as int4_linear
    from llm_layers.layers.quantization import int8_linear as int8_linear
    from llm_layers.layers.quantization import quantize_int4 as quantize_int4
    from llm_layers.layers.quantization import quantize_int8 as quantize_int8
    from llm_layers.layers.quantized_linear import Int4Linear as Int4Linear
    from llm_layers.layers.quantized_linear import Int8Linear as Int8Linear
    from llm_layers.layers.quantized_linear import QuantizationReport as QuantizationReport
    from llm_layers.layers.quantized_linear import QuantizedLinear as QuantizedLinear
    from llm_layers.layers.quantized_linear import quantize_model as quantize_model
    from llm_layers.layers.residual import branch_norm as branch_norm
    from llm_layers.layers.residual import post_norm as post_norm
    from llm_layers.layers.residual import pre_norm as pre_norm
    from llm_layers.layers.rotary import inverse_frequencies as inverse_frequencies
    from llm_layers.layers.rotary import rotary as rotary
    from llm_layers.layers.rotary import rotary_angles as rotary_angles
    from llm_layers.layers.rotary import rotary_interleaved as rotary_interleaved
    from llm_layers.layers.rotary_scaling import LinearScaling as LinearScaling
    from llm_layers.layers.rotary_scaling import Llama3Scaling as Llama3Scaling
    from llm_layers.layers.rotary_scaling import RotaryScaling as RotaryScaling
    from llm_layers.layers.rotary_scaling import YarnScaling as YarnScaling
    from llm_layers.layers.rotary_scaling import linear_scaling as linear_scaling
    from llm_layers.layers.rotary_scaling import llama3_scaling as llama3_scaling
    from llm_layers.layers.rotary_scaling import yarn_attention_factor as yarn_attention_factor
    from llm_layers.layers.rotary_scaling import yarn_scaling as yarn_scaling
    from llm_layers.layers.router_losses import load_balancing_loss as load_balancing_loss
    from llm_layers.layers.router_losses import router_z_loss as router_z_loss
    from llm_layers.model import Decoder as Decoder

__getattr__, __all__ = deferred_imports(__name__, __file__)
