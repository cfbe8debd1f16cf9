"""Settings of published models, written from what their makers state, with the keys that files out there hold.

Each entry: the content of a `config.json`, and what `ModelConfig` must be (other fields have their default).
"""

from typing import Any

from llm_layers import LinearScaling, Llama3Scaling, YarnScaling
from llm_layers.config import GEMMA3, GPT2, LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3, QWEN3_MOE, Design, Experts

Published = tuple[dict[str, Any], dict[str, Any]]
NOTES = {"torch_dtype": "bfloat16", "transformers_version": "4.46.3", "use_cache": True, "initializer_range": 0.02}
QWEN_NOTES = NOTES | {"attention_dropout": 0.0, "use_sliding_window": False, "bos_token_id": 151643}
LLAMA3_ROPE = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


def rows(kind: str, design: Design, sizes: dict[str, tuple[Any, ...]], settings: dict[str, Any], **fields: Any) -> Any:
    """Return entries of a family: name -> width, inner width, blocks, heads, key heads, tied, further settings."""
    found: dict[str, Published] = {}
    for name, (width, inner, layers, heads, kv_heads, tied, more) in sizes.items():
        written = settings | {
            "architectures": ["LlamaForCausalLM"],
            "model_type": kind,
            "hidden_size": width,
            "intermediate_size": inner,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "tie_word_embeddings": tied,
        }
        shape = {"d_model": width, "d_ff": inner, "layers": layers, "heads": heads, "kv_heads": kv_heads or heads}
        expected = shape | {"design": design, "tied_embeddings": tied, "d_head": width // heads} | fields
        for key, ours in READ.items():
            if (written | more).get(key) is not None:
                expected[ours] = (written | more)[key]
        found[name] = written | more, expected
    return found


READ = {
    "vocab_size": "vocab_size",
    "max_position_embeddings": "context_length",
    "rms_norm_eps": "norm_eps",
    "rope_theta": "rope_base",
    "head_dim": "d_head",
}
GPT2_TASKS = {"text-generation": {"do_sample": True, "max_length": 50}}
GPT2_FILES: dict[str, Published] = {
    name: (
        {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "activation_function": "gelu_new",
            "attn_pdrop": 0.1,
            "embd_pdrop": 0.1,
            "resid_pdrop": 0.1,
            "bos_token_id": 50256,
            "eos_token_id": 50256,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-05,
            "n_ctx": 1024,
            "n_embd": width,
            "n_head": heads,
            "n_layer": layers,
            "n_positions": 1024,
            "summary_activation": None,
            "summary_first_dropout": 0.1,
            "summary_proj_to_labels": True,
            "summary_type": "cls_index",
            "summary_use_proj": True,
            "task_specific_params": GPT2_TASKS,
            "vocab_size": 50257,
            **more,
        },
        {
            "design": GPT2,
            "vocab_size": 50257,
            "d_model": width,
            "d_ff": 4 * width,
            "layers": layers,
            "heads": heads,
            "kv_heads": heads,
            "d_head": 64,
            "context_length": 1024,
            "norm_eps": 1e-5,
            "tied_embeddings": True,
        },
    )
    for name, width, layers, heads, more in (
        ("gpt2 124M", 768, 12, 12, {}),
        ("gpt2 355M", 1024, 24, 16, {"n_special": 0, "predict_special_tokens": True}),
        ("gpt2 774M", 1280, 36, 20, {"n_special": 0, "predict_special_tokens": True}),
        ("gpt2 1.5B", 1600, 48, 25, {"output_past": True}),
        ("distilgpt2", 768, 6, 12, {"_num_labels": 1, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}),
    )
}

LLAMA2 = NOTES | {
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-05,
    "hidden_act": "silu",
    "pretraining_tp": 1,
    "rope_scaling": None,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "torch_dtype": "float16",
    "_name_or_path": "meta-llama/Llama-2",
}
LLAMA2_FILES = rows(
    "llama",
    LLAMA,
    {
        "llama 2 7B": (4096, 11008, 32, 32, 32, False, {}),
        "llama 2 13B": (5120, 13824, 40, 40, 40, False, {}),
        "llama 2 70B": (8192, 28672, 80, 64, 8, False, {}),
        "llama 1 7B": (4096, 11008, 32, 32, None, False, {"max_sequence_length": 2048, "rms_norm_eps": 1e-06}),
        "tinyllama": (2048, 5632, 22, 32, 4, False, {"max_position_embeddings": 2048, "attention_bias": False}),
    },
    LLAMA2,
)
LLAMA3 = NOTES | {
    "vocab_size": 128256,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "mlp_bias": False,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128008, 128009],
}
LONG = {"max_position_embeddings": 131072, "rope_scaling": LLAMA3_ROPE}
LLAMA3_FILES = rows(
    "llama",
    LLAMA,
    {
        "llama 3 8B": (4096, 14336, 32, 32, 8, False, {"max_position_embeddings": 8192, "rope_scaling": None}),
        "llama 3 70B": (8192, 28672, 80, 64, 8, False, {"max_position_embeddings": 8192}),
    },
    LLAMA3,
) | {
    name: (settings, fields | {"rope_scaling": Llama3Scaling(factor=factor, low_frequency_factor=1.0,
                                                             high_frequency_factor=4.0, original_context=8192)})
    for factor, sizes in (
        (8.0, {
            "llama 3.1 8B": (4096, 14336, 32, 32, 8, False, LONG),
            "llama 3.1 70B": (8192, 28672, 80, 64, 8, False, LONG | {"unsloth_fixed": True}),
        }),
        (32.0, {
            "llama 3.2 1B": (2048, 8192, 16, 32, 8, True,
                             LONG | {"head_dim": 64, "rope_scaling": LLAMA3_ROPE | {"factor": 32.0}}),
            "llama 3.2 3B": (3072, 8192, 28, 24, 8, True,
                             LONG | {"head_dim": 128, "rope_scaling": LLAMA3_ROPE | {"factor": 32.0}}),
        }),
    )
    for name, (settings, fields) in rows("llama", LLAMA, sizes, LLAMA3).items()
}  # fmt: skip
SMOLLM2 = NOTES | {
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-05,
    "rope_theta": 100000,
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "head_dim": None,
    "is_llama_config": True,
    "rope_interleaved": False,
    "rope_scaling": None,
    "pretraining_tp": 1,
    "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16", "fp16": "float16"}},
}
SMOLLM2_FILES = rows(
    "llama",
    LLAMA,
    {
        "smollm2 135M": (576, 1536, 30, 9, 3, True, {}),
        "smollm2 360M": (960, 2560, 32, 15, 5, True, {"_attn_implementation_autoset": True}),
        "smollm2 1.7B": (2048, 8192, 24, 32, 32, True, {"rope_theta": 130000}),
    },
    SMOLLM2,
)
MISTRAL_7B = NOTES | {
    "vocab_size": 32000,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-05,
    "hidden_act": "silu",
}
MISTRAL_FILES = rows(
    "mistral",
    MISTRAL,
    {"mistral 7B v0.1": (4096, 14336, 32, 32, 8, False, {"rope_theta": 10000.0, "sliding_window": 4096})},
    MISTRAL_7B,
    window=4096,
) | rows(
    "mistral",
    MISTRAL,
    {
        "mistral 7B v0.3": (4096, 14336, 32, 32, 8, False,
                            {"vocab_size": 32768, "rope_theta": 1e6, "sliding_window": None, "head_dim": 128}),
        "mistral nemo 12B": (5120, 14336, 40, 32, 8, False,
                             {"vocab_size": 131072, "rope_theta": 1e6, "sliding_window": None, "head_dim": 128}),
    },
    MISTRAL_7B,
)  # fmt: skip
QWEN2_BASE = QWEN_NOTES | {
    "vocab_size": 151936,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "hidden_act": "silu",
    "sliding_window": 32768,
    "max_window_layers": 24,
    "eos_token_id": 151645,
}
QWEN2_FILES = rows(
    "qwen2",
    QWEN2,
    {
        "qwen 2.5 0.5B": (896, 4864, 24, 14, 2, True, {"use_mrope": False}),
        "qwen 2.5 1.5B": (1536, 8960, 28, 12, 2, True, {"max_window_layers": 28}),
        "qwen 2.5 3B": (2048, 11008, 36, 16, 2, True, {"max_window_layers": 70}),
        "qwen 2.5 7B": (3584, 18944, 28, 28, 4, False, {"vocab_size": 152064, "max_window_layers": 28}),
        "qwen 2.5 14B": (5120, 13824, 48, 40, 8, False, {"vocab_size": 152064, "max_window_layers": 70}),
        "qwen 2.5 32B": (5120, 27648, 64, 40, 8, False, {"vocab_size": 152064, "max_window_layers": 70}),
        "qwen 2 72B": (8192, 29568, 80, 64, 8, False, {"vocab_size": 152064, "max_window_layers": 80}),
    },
    QWEN2_BASE,
) | rows(
    "qwen2",
    QWEN2,
    {
        "qwen 2.5 7B, 128k": (3584, 18944, 28, 28, 4, False, {"rope_scaling": {
            "factor": 4.0, "original_max_position_embeddings": 32768, "type": "yarn", "rope_type": "yarn",
            "truncate": True,
        }}),
    },
    QWEN2_BASE,
    rope_scaling=YarnScaling(factor=4.0, original_context=32768),
)  # fmt: skip
QWEN3_BASE = QWEN_NOTES | {
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000,
    "rope_scaling": None,
    "hidden_act": "silu",
    "head_dim": 128,
    "attention_bias": False,
    "sliding_window": None,
    "max_window_layers": 28,
}
QWEN3_FILES = rows(
    "qwen3",
    QWEN3,
    {
        "qwen 3 0.6B": (1024, 3072, 28, 16, 8, True, {}),
        "qwen 3 1.7B": (2048, 6144, 28, 16, 8, True, {"layer_types": ["full_attention"] * 28, "dtype": "bfloat16"}),
        "qwen 3 4B": (2560, 9728, 36, 32, 8, True, {"max_window_layers": 36}),
        "qwen 3 8B": (4096, 12288, 36, 32, 8, False, {"max_window_layers": 36}),
        "qwen 3 14B": (5120, 17408, 40, 40, 8, False, {"max_window_layers": 40}),
        "qwen 3 32B": (5120, 25600, 64, 64, 8, False, {"max_window_layers": 64}),
    },
    QWEN3_BASE,
) | rows(
    "qwen3_moe",
    QWEN3_MOE,
    {"qwen 3 30B-A3B": (2048, 6144, 48, 32, 4, False, {
        "decoder_sparse_step": 1, "mlp_only_layers": [], "moe_intermediate_size": 768, "norm_topk_prob": True,
        "num_experts": 128, "num_experts_per_tok": 8, "output_router_logits": False, "router_aux_loss_coef": 0.001,
    })},
    QWEN3_BASE,
    experts=Experts(count=128, per_token=8, d_expert=768, norm_topk_prob=True),
)  # fmt: skip
OLMO2_FILES = rows(
    "olmo2",
    OLMO2,
    {
        "olmo 2 1B": (2048, 8192, 16, 16, 16, False, {}),
        "olmo 2 7B": (4096, 11008, 32, 32, 32, False, {}),
        "olmo 2 13B": (5120, 13824, 40, 40, 40, False, {}),
    },
    NOTES | {
        "vocab_size": 100352, "max_position_embeddings": 4096, "rms_norm_eps": 1e-06, "rope_theta": 500000,
        "rope_scaling": None, "hidden_act": "silu", "attention_bias": False, "attention_dropout": 0.0,
        "eos_token_id": 100257, "pad_token_id": 100277,
    },
)  # fmt: skip
GEMMA3_BASE = NOTES | {
    "vocab_size": 262144,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-06,
    "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "attn_logit_softcapping": None,
    "final_logit_softcapping": None,
    "query_pre_attn_scalar": 256,
    "rope_theta": 1000000,
    "rope_local_base_freq": 10000,
    "rope_scaling": None,
    "sliding_window": 512,
    "cache_implementation": "hybrid",
}
PATTERN = ["sliding_attention"] * 5 + ["full_attention"]
GEMMA3_FILES = {
    name: (settings, fields | {"global_layers": tuple(range(5, fields["layers"], 6))})
    for name, (settings, fields) in rows(
        "gemma3_text",
        GEMMA3,
        {
            "gemma 3 270m": (640, 2048, 18, 4, 1, True, {
                "_sliding_window_pattern": 6, "layer_types": PATTERN * 3, "use_bidirectional_attention": False,
            }),
            "gemma 3 1B": (1152, 6912, 26, 4, 1, True, {"sliding_window_pattern": 6}),
        },
        GEMMA3_BASE,
        window=512,
        query_pre_attn_scalar=256,
        local_rope_base=1e4,
    ).items()
}  # fmt: skip
OTHERS = rows(
    "llama",
    LLAMA,
    {"a llama fine-tuned for longer texts": (4096, 11008, 32, 32, 32, False, {"rope_scaling": {
        "type": "linear", "factor": 4.0, "original_max_position_embeddings": 4096, "finetuned": True,
    }})},
    LLAMA2,
    rope_scaling=LinearScaling(factor=4.0),
)  # fmt: skip

PUBLISHED: dict[str, Published] = (
    GPT2_FILES | LLAMA2_FILES | LLAMA3_FILES | SMOLLM2_FILES | MISTRAL_FILES | QWEN2_FILES | QWEN3_FILES
    | OLMO2_FILES | GEMMA3_FILES | OTHERS
)  # fmt: skip
