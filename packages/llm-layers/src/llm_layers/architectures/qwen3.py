"""Qwen3: the settings of `config.json` and the names in `model.safetensors`, both ways.

Our `Decoder` *is* a Qwen3: no weight is changed or turned on the way, only names differ.
"""

import re
from collections.abc import Mapping
from typing import Any

from llm_layers.config import ModelConfig
from llm_layers.errors import LayersError

ARCHITECTURE = "Qwen3ForCausalLM"
MODEL_TYPE = "qwen3"

# Setting in config.json -> field of ModelConfig; the rotary base stands in two places and is read by itself.
FIELDS = {
    "vocab_size": "vocab_size",
    "hidden_size": "d_model",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "d_head",
    "intermediate_size": "d_ff",
    "max_position_embeddings": "context_length",
    "rms_norm_eps": "norm_eps",
    "tie_word_embeddings": "tied_embeddings",
}

# Settings with one value that this model can express; another one would silently change the result.
FIXED: dict[str, Any] = {
    "model_type": MODEL_TYPE,
    "architectures": [ARCHITECTURE],
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "use_sliding_window": False,
    "rope_scaling": None,
    "pruned_heads": {},
    "is_encoder_decoder": False,
    "is_decoder": False,
    "add_cross_attention": False,
    "chunk_size_feed_forward": 0,
    "quantization_config": None,
}

# Settings that never change a logit.
WITHOUT_EFFECT = frozenset(
    (
        "dtype", "torch_dtype", "transformers_version", "initializer_range", "use_cache", "bos_token_id",
        "eos_token_id", "pad_token_id", "sliding_window", "max_window_layers", "_name_or_path", "output_attentions",
        "output_hidden_states", "return_dict", "problem_type", "id2label", "label2id", "pretraining_tp",
    )
)  # fmt: skip

# Ours -> theirs; "#" stands for the number of the block.
NAMES = {
    "embedding.table": "model.embed_tokens.weight",
    "blocks.#.attention_norm.gain": "model.layers.#.input_layernorm.weight",
    "blocks.#.attention.query.weight": "model.layers.#.self_attn.q_proj.weight",
    "blocks.#.attention.key.weight": "model.layers.#.self_attn.k_proj.weight",
    "blocks.#.attention.value.weight": "model.layers.#.self_attn.v_proj.weight",
    "blocks.#.attention.query_norm.gain": "model.layers.#.self_attn.q_norm.weight",
    "blocks.#.attention.key_norm.gain": "model.layers.#.self_attn.k_norm.weight",
    "blocks.#.attention.output.weight": "model.layers.#.self_attn.o_proj.weight",
    "blocks.#.feed_forward_norm.gain": "model.layers.#.post_attention_layernorm.weight",
    "blocks.#.feed_forward.gate.weight": "model.layers.#.mlp.gate_proj.weight",
    "blocks.#.feed_forward.up.weight": "model.layers.#.mlp.up_proj.weight",
    "blocks.#.feed_forward.down.weight": "model.layers.#.mlp.down_proj.weight",
    "final_norm.gain": "model.norm.weight",
    "head.weight": "lm_head.weight",
}


def public_name(name: str) -> str:
    """Give the name that a weight of our `Decoder` has in `model.safetensors`."""
    number = re.search(r"\.(\d+)\.", name)
    if number is None:
        return NAMES[name]
    return NAMES[name.replace(number[0], ".#.", 1)].replace("#", number[1])


def write_settings(config: ModelConfig, *, dtype: str = "float32") -> dict[str, Any]:
    """Give the content of `config.json`.

    The head width is written because it is otherwise taken for 128; the rotary base and the type of the numbers
    are written under their old and their new key, because older readers know only the old one.
    """
    return {
        "architectures": [ARCHITECTURE],
        "model_type": MODEL_TYPE,
        **{public: getattr(config, ours) for public, ours in FIELDS.items()},
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "rope_theta": config.rope_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_base},
        "dtype": dtype,
        "torch_dtype": dtype,
        "use_cache": True,
    }


def read_settings(settings: Mapping[str, Any]) -> ModelConfig:
    """Read the content of `config.json`; everything that could change the result is either understood or refused."""
    if settings.get("model_type") != MODEL_TYPE:
        raise LayersError(
            f"model_type in config.json must be '{MODEL_TYPE}', but was {settings.get('model_type')!r}: "
            "this package reads and writes Qwen3 models only"
        )
    missing = sorted(key for key in FIELDS if key not in settings and key != "tie_word_embeddings")
    if missing:
        raise LayersError(f"config.json must hold {', '.join(missing)}, but does not: add what is missing")
    for key, value in FIXED.items():
        if settings.get(key, value) not in (value, None):
            raise LayersError(f"{key} in config.json must be {value!r} for this model, but was {settings[key]!r}")
    layer_types = settings.get("layer_types") or []
    if any(kind != "full_attention" for kind in layer_types):
        raise LayersError(f"layer_types in config.json must all be 'full_attention', but were {layer_types!r}")
    known = FIELDS.keys() | FIXED.keys() | WITHOUT_EFFECT | {"rope_theta", "rope_parameters", "layer_types"}
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise LayersError(
            f"config.json holds settings that this package does not know and that could change the result: "
            f"{', '.join(unknown)}; remove them if they have no effect"
        )
    values = {ours: settings[public] for public, ours in FIELDS.items() if public in settings}
    return ModelConfig(**values, rope_base=_rope_base(settings))


def _rope_base(settings: Mapping[str, Any]) -> float:
    parameters = settings.get("rope_parameters") or {}
    if not isinstance(parameters, Mapping) or set(parameters) - {"rope_type", "rope_theta"}:
        raise LayersError(
            f"rope_parameters in config.json must hold rope_type and rope_theta only, but was {parameters!r}"
        )
    if parameters.get("rope_type", "default") != "default":
        raise LayersError(f"rope_type in config.json must be 'default', but was {parameters['rope_type']!r}")
    bases = [base for base in (settings.get("rope_theta"), parameters.get("rope_theta")) if base is not None]
    if not bases or any(type(base) not in (int, float) or base != bases[0] for base in bases):
        raise LayersError(
            "config.json must give one rotary base, as rope_theta or in rope_parameters, "
            f"but gave {' and '.join(map(repr, bases)) or 'none'}"
        )
    return float(bases[0])
