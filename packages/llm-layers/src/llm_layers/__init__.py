"""llm-layers: token ids in, logits out.

| room | holds |
|---|---|
| `config` | `ModelConfig`: the shape of a model |
| `model`, `block`, `cache` | `Decoder`, `Block`, `KeyValueCache` |
| `embedding`, `position`, `norm`, `attention`, `feed_forward`, `loss` | the parts: pure functions, thin modules |
| `initialization` | start values |
| `storage`, `architectures` | model folders in the Hugging Face layout |
| `accounting` | parameters, FLOPs and cache bytes from a config |
| `interface`, `errors` | what the other packages rely on |
| `reference`, `spec` | the same parts in plain NumPy; the specification that pins them |
"""

from importlib.metadata import PackageNotFoundError, version

from llm_layers.accounting import (
    cache_bytes,
    forward_flops_per_token,
    parameter_count,
    training_flops_per_token,
)
from llm_layers.attention import attention, causal_mask, fused_attention, softmax
from llm_layers.block import Block
from llm_layers.cache import KeyValueCache
from llm_layers.config import ModelConfig
from llm_layers.embedding import Embedding, embedding
from llm_layers.errors import LayersError
from llm_layers.feed_forward import SwiGLU, swiglu
from llm_layers.initialization import initialize
from llm_layers.interface import Cache, LanguageModel
from llm_layers.loss import IGNORED, cross_entropy, head_cross_entropy
from llm_layers.model import Decoder
from llm_layers.norm import RMSNorm, rms_norm
from llm_layers.position import rotary
from llm_layers.self_attention import SelfAttention
from llm_layers.storage import load_config, load_model, save_model

try:
    __version__ = version("llm-layers")
except PackageNotFoundError:  # run from a source folder that is not installed
    __version__ = "0.1.0"

__all__ = [
    "IGNORED", "Block", "Cache", "Decoder", "Embedding", "KeyValueCache", "LanguageModel", "LayersError",
    "ModelConfig", "RMSNorm", "SelfAttention", "SwiGLU", "attention", "cache_bytes", "causal_mask", "cross_entropy",
    "embedding", "forward_flops_per_token", "fused_attention", "head_cross_entropy", "initialize", "load_config",
    "load_model", "parameter_count", "rms_norm", "rotary", "save_model", "softmax", "swiglu",
    "training_flops_per_token",
]  # fmt: skip
