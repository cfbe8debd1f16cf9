"""The layers in plain NumPy float64: forward and hand-derived backward, each with its derivation.

Written to be read and to be right, slow on purpose. The numbers of the specification come from here. In the
derivations d⟨name⟩ is the gradient of the loss with respect to ⟨name⟩. Forward functions take complex input too
(comparisons and maxima look at the real part), so that the complex step can bear witness to the backward ones.
"""

from llm_layers.reference.activation import (
    gelu,
    gelu_backward,
    gelu_tanh,
    gelu_tanh_backward,
    relu_squared,
    relu_squared_backward,
    silu,
    silu_backward,
)
from llm_layers.reference.attention import (
    attention,
    attention_backward,
    capped_attention,
    capped_attention_backward,
    soft_cap,
    soft_cap_backward,
    softmax,
    softmax_backward,
)
from llm_layers.reference.block import block, block_backward
from llm_layers.reference.decoder import decoder, decoder_backward
from llm_layers.reference.dropout import dropout, dropout_backward
from llm_layers.reference.embedding import embedding, embedding_backward, tied_head, tied_head_backward
from llm_layers.reference.experts import (
    load_balancing_loss,
    load_balancing_loss_backward,
    mixture_of_experts,
    mixture_of_experts_backward,
    mixture_with_shared_expert,
    mixture_with_shared_expert_backward,
    router_z_loss,
    router_z_loss_backward,
    top_k_router,
    top_k_router_backward,
)
from llm_layers.reference.feed_forward import (
    geglu,
    geglu_backward,
    gelu_feed_forward,
    gelu_feed_forward_backward,
    relu_squared_feed_forward,
    relu_squared_feed_forward_backward,
    swiglu,
    swiglu_backward,
)
from llm_layers.reference.heads import (
    cached_attention,
    cached_attention_backward,
    grouped_query_attention,
    grouped_query_attention_backward,
    merge_heads,
    merge_heads_backward,
    multi_head_attention,
    multi_head_attention_backward,
    multi_query_attention,
    multi_query_attention_backward,
    split_heads,
    split_heads_backward,
)
from llm_layers.reference.initialization import scaled_initialization, truncated_normal
from llm_layers.reference.linear import linear, linear_backward
from llm_layers.reference.lora import lora_linear, lora_linear_backward, merge_lora, merge_lora_backward
from llm_layers.reference.loss import (
    cross_entropy,
    cross_entropy_backward,
    head_cross_entropy,
    head_cross_entropy_backward,
    smoothed_cross_entropy,
    smoothed_cross_entropy_backward,
    z_loss,
    z_loss_backward,
)
from llm_layers.reference.mask import causal_mask, sliding_window_mask
from llm_layers.reference.norm import (
    layer_norm,
    layer_norm_backward,
    query_key_norm,
    query_key_norm_backward,
    rms_norm,
    rms_norm_backward,
)
from llm_layers.reference.position import learned_positions, learned_positions_backward, sinusoidal_positions
from llm_layers.reference.quantization import (
    dequantize_int4,
    dequantize_int4_backward,
    dequantize_int8,
    dequantize_int8_backward,
    int4_linear,
    int4_linear_backward,
    int8_linear,
    int8_linear_backward,
    quantize_int4,
    quantize_int8,
)
from llm_layers.reference.residual import (
    branch_norm,
    branch_norm_backward,
    post_norm,
    post_norm_backward,
    pre_norm,
    pre_norm_backward,
)
from llm_layers.reference.rotary import (
    rotary,
    rotary_backward,
    rotary_interleaved,
    rotary_interleaved_backward,
    rotary_speeds,
)
from llm_layers.reference.rotary_scaling import linear_scaling, llama3_scaling, yarn_scaling, yarn_temperature

__all__ = [
    "attention", "attention_backward", "block", "block_backward", "branch_norm", "branch_norm_backward",
    "cached_attention", "cached_attention_backward", "capped_attention", "capped_attention_backward", "causal_mask",
    "cross_entropy", "cross_entropy_backward", "dequantize_int4", "dequantize_int4_backward", "dequantize_int8",
    "dequantize_int8_backward", "decoder", "decoder_backward", "dropout", "dropout_backward", "embedding", "embedding_backward", "geglu",
    "geglu_backward", "gelu", "gelu_backward", "gelu_feed_forward", "gelu_feed_forward_backward", "gelu_tanh",
    "gelu_tanh_backward", "grouped_query_attention", "grouped_query_attention_backward", "head_cross_entropy",
    "head_cross_entropy_backward", "int4_linear", "int4_linear_backward", "int8_linear", "int8_linear_backward",
    "layer_norm", "layer_norm_backward", "learned_positions", "learned_positions_backward", "linear",
    "linear_backward", "linear_scaling", "llama3_scaling", "load_balancing_loss", "load_balancing_loss_backward",
    "lora_linear", "lora_linear_backward", "merge_heads", "merge_heads_backward", "merge_lora", "merge_lora_backward",
    "mixture_of_experts", "mixture_of_experts_backward", "mixture_with_shared_expert",
    "mixture_with_shared_expert_backward", "multi_head_attention", "multi_head_attention_backward",
    "multi_query_attention", "multi_query_attention_backward", "post_norm", "post_norm_backward", "pre_norm",
    "pre_norm_backward", "quantize_int4", "quantize_int8", "query_key_norm", "query_key_norm_backward", "relu_squared",
    "relu_squared_backward", "relu_squared_feed_forward", "relu_squared_feed_forward_backward", "rms_norm",
    "rms_norm_backward", "rotary", "rotary_backward", "rotary_interleaved", "rotary_interleaved_backward",
    "rotary_speeds", "router_z_loss", "router_z_loss_backward", "scaled_initialization", "silu", "silu_backward",
    "sinusoidal_positions", "sliding_window_mask", "smoothed_cross_entropy", "smoothed_cross_entropy_backward",
    "soft_cap", "soft_cap_backward", "softmax", "softmax_backward", "split_heads", "split_heads_backward", "swiglu",
    "swiglu_backward", "tied_head", "tied_head_backward", "top_k_router", "top_k_router_backward", "truncated_normal",
    "yarn_scaling", "yarn_temperature", "z_loss", "z_loss_backward",
]  # fmt: skip
