"""A small model of every family, in which every weight matters."""

from __future__ import annotations

import torch

from llm_layers import Decoder, Experts, ModelConfig
from llm_layers.config import GEMMA3, GPT2, LLAMA, OLMO2, QWEN2, QWEN3, QWEN3_MOE
from llm_layers.kernels import EAGER, Kernels

SHAPE = {
    "vocab_size": 29, "d_model": 24, "layers": 3, "heads": 4, "kv_heads": 2, "d_head": 8, "d_ff": 32,
    "context_length": 32, "rope_base": 500.0,
}  # fmt: skip
FAMILIES = {
    "gpt2": {
        "design": GPT2, "kv_heads": 4, "d_head": 6, "norm_eps": 1e-5, "rope_base": 10000.0, "tied_embeddings": True,
    },
    "llama": {"design": LLAMA},
    "square": {"design": LLAMA, "kv_heads": 4, "d_head": 6},
    "qwen2": {"design": QWEN2},
    "qwen3": {"design": QWEN3},
    "qwen3_moe": {"design": QWEN3_MOE, "experts": Experts(count=5, per_token=2, d_expert=12)},
    "olmo2": {"design": OLMO2},
    "gemma3": {
        "design": GEMMA3, "window": 4, "global_layers": (2,), "local_rope_base": 100.0, "attn_logit_softcap": 2.0,
        "final_logit_softcap": 0.5, "query_pre_attn_scalar": 10, "tied_embeddings": True,
    },
}  # fmt: skip


def family(name: str, kernels: Kernels = EAGER, **settings: object) -> Decoder:
    """Return the small model of a family, the same in every run."""
    generator = torch.Generator().manual_seed(7)
    model = Decoder(ModelConfig(**(SHAPE | FAMILIES[name] | settings)), kernels=kernels)  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in model.parameters():
            middle = 1.0 if weight.dim() == 1 and name != "gemma3" else 0.0
            weight.normal_(middle, 0.3 if weight.dim() == 1 else weight.shape[-1] ** -0.5, generator=generator)
    return model
