"""Llama 2 and 3, and the models shaped like them: SmolLM2, Mistral, OLMo 2, Qwen 2 and Qwen 3.

They have the same names, and each differs in one thing (`llm_layers.config`). Our `Decoder` *is* each of them: no
weight is changed or rotated on the way, only names differ.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from llm_layers.config import LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3, ModelConfig
from llm_layers.formats.huggingface.architecture import FULL, LOCAL, Architecture, kinds_of
from llm_layers.interface import LayersError

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

EMBEDDING_AND_HEAD = {
    "embedding.table": "model.embed_tokens.weight",
    "final_norm.gain": "model.norm.weight",
    "head.weight": "lm_head.weight",
}
ATTENTION = {
    "blocks.#.attention.query.weight": "model.layers.#.self_attn.q_proj.weight",
    "blocks.#.attention.key.weight": "model.layers.#.self_attn.k_proj.weight",
    "blocks.#.attention.value.weight": "model.layers.#.self_attn.v_proj.weight",
    "blocks.#.attention.output.weight": "model.layers.#.self_attn.o_proj.weight",
}
QUERY_KEY_NORMS = {
    "blocks.#.attention.query_norm.gain": "model.layers.#.self_attn.q_norm.weight",
    "blocks.#.attention.key_norm.gain": "model.layers.#.self_attn.k_norm.weight",
}
QUERY_KEY_VALUE_BIASES = {
    "blocks.#.attention.query.bias": "model.layers.#.self_attn.q_proj.bias",
    "blocks.#.attention.key.bias": "model.layers.#.self_attn.k_proj.bias",
    "blocks.#.attention.value.bias": "model.layers.#.self_attn.v_proj.bias",
}
NORMS_BEFORE = {
    "blocks.#.attention_norm.gain": "model.layers.#.input_layernorm.weight",
    "blocks.#.feed_forward_norm.gain": "model.layers.#.post_attention_layernorm.weight",
}
NORMS_AFTER = {
    "blocks.#.attention_output_norm.gain": "model.layers.#.post_attention_layernorm.weight",
    "blocks.#.feed_forward_output_norm.gain": "model.layers.#.post_feedforward_layernorm.weight",
}
FEED_FORWARD = {
    "blocks.#.feed_forward.gate.weight": "model.layers.#.mlp.gate_proj.weight",
    "blocks.#.feed_forward.up.weight": "model.layers.#.mlp.up_proj.weight",
    "blocks.#.feed_forward.down.weight": "model.layers.#.mlp.down_proj.weight",
}
NAMES = EMBEDDING_AND_HEAD | ATTENTION | NORMS_BEFORE | FEED_FORWARD

# The defaults of LlamaConfig; the other families state where theirs differ.
DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": None,
    "head_dim": None,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}

LLAMA_ARCHITECTURE = Architecture(
    design=LLAMA,
    model_type="llama",
    class_name="LlamaForCausalLM",
    fields=FIELDS,
    defaults=DEFAULTS,
    fixed={"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    names=NAMES,
)


class Mistral(Architecture):
    """A family whose blocks may all have a window."""

    def layer_kinds(self, settings: Mapping[str, Any], layers: int) -> list[str]:
        """Return the kind that all blocks have."""
        return [FULL if settings.get("sliding_window") is None else LOCAL] * layers

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the rotary settings and the window."""
        return super().write_further(config) | {"sliding_window": config.window}


MISTRAL_ARCHITECTURE = Mistral(
    design=MISTRAL,
    model_type="mistral",
    class_name="MistralForCausalLM",
    fields=FIELDS,
    defaults=DEFAULTS
    | {"num_key_value_heads": 8, "intermediate_size": 14336, "max_position_embeddings": 131072, "sliding_window": 4096},
    fixed={"hidden_act": "silu"},
    names=NAMES,
)

# Norms on the output of each part, not on its input; queries and keys normalized over all heads at once.
OLMO2_ARCHITECTURE = Architecture(
    design=OLMO2,
    model_type="olmo2",
    class_name="Olmo2ForCausalLM",
    fields=FIELDS,
    defaults=DEFAULTS | {"vocab_size": 50304, "rms_norm_eps": 1e-5},
    fixed={"hidden_act": "silu", "attention_bias": False},
    names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS_AFTER | FEED_FORWARD,
)


class Qwen(Architecture):
    """A family of which some blocks may have a window: those from `max_window_layers` on, or those that are named."""

    mixes_kinds: ClassVar[bool] = True

    def layer_kinds(self, settings: Mapping[str, Any], layers: int) -> list[str]:
        """Return the kinds where `layer_types` is left out."""
        used, first = settings["use_sliding_window"], settings["max_window_layers"]
        if used and type(first) is not int:
            raise LayersError(f"max_window_layers in config.json must be a whole number, but was {first!r}")
        return [LOCAL if used and layer >= first else FULL for layer in range(layers)]

    def read_window(self, settings: Mapping[str, Any], layers: int) -> dict[str, Any]:
        """Read the window, which has no effect while `use_sliding_window` is false."""
        used, window = settings.get("use_sliding_window"), settings.get("sliding_window")
        if type(used) is not bool or (used and window is None):
            raise LayersError(
                "use_sliding_window in config.json must be false, or true beside a sliding_window, but was "
                f"{used!r} beside {window!r}: get the file again"
            )
        return super().read_window({**settings, "sliding_window": window if used else None}, layers)

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the rotary settings and the window."""
        window: dict[str, Any] = {"use_sliding_window": config.window is not None}
        if config.window is not None:
            window |= {"sliding_window": config.window, "layer_types": kinds_of(config)}
        return super().write_further(config) | window


QWEN_WINDOW = {"use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 28}
QWEN2_DEFAULTS = (
    DEFAULTS
    | QWEN_WINDOW
    | {"vocab_size": 151936, "intermediate_size": 22016, "max_position_embeddings": 32768, "num_key_value_heads": 32}
)

QWEN2_ARCHITECTURE = Qwen(
    design=QWEN2,
    model_type="qwen2",
    class_name="Qwen2ForCausalLM",
    fields=FIELDS,
    defaults=QWEN2_DEFAULTS,
    fixed={"hidden_act": "silu"},
    unread=frozenset({"attention_bias"}),  # there are always these, and no others
    names=NAMES | QUERY_KEY_VALUE_BIASES,
)

QWEN3_ARCHITECTURE = Qwen(
    design=QWEN3,
    model_type="qwen3",
    class_name="Qwen3ForCausalLM",
    fields=FIELDS,
    defaults=QWEN2_DEFAULTS | {"head_dim": 128},
    fixed={"hidden_act": "silu", "attention_bias": False},
    unread=frozenset({"use_qk_norm"}),  # there are always these norms
    names=NAMES | QUERY_KEY_NORMS,
)
