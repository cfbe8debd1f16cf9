"""Llama 2 and 3, and the models shaped like them: SmolLM2, Mistral, Qwen 2 and Qwen 3.

They share one naming; each sets itself apart by one thing (`llm_layers.config`). Our `Decoder` *is* each of them: no
weight is changed or turned on the way, only names differ.
"""

from collections.abc import Mapping
from typing import Any

from llm_layers.config import LLAMA, MISTRAL, QWEN2, QWEN3, ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture, width_of_a_head
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
FEED_FORWARD = {
    "blocks.#.feed_forward.gate.weight": "model.layers.#.mlp.gate_proj.weight",
    "blocks.#.feed_forward.up.weight": "model.layers.#.mlp.up_proj.weight",
    "blocks.#.feed_forward.down.weight": "model.layers.#.mlp.down_proj.weight",
}
NAMES = EMBEDDING_AND_HEAD | ATTENTION | NORMS_BEFORE | FEED_FORWARD

LLAMA_ARCHITECTURE = Architecture(
    design=LLAMA,
    model_type="llama",
    class_name="LlamaForCausalLM",
    fields=FIELDS,
    defaults={
        "tie_word_embeddings": False,
        "num_key_value_heads": lambda settings: settings.get("num_attention_heads"),  # Llama 1 and the small Llama 2
        "head_dim": width_of_a_head,
    },
    fixed={"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    names=NAMES,
)


class Windowed(Architecture):
    """A family whose blocks may all look back a limited number of positions."""

    @property
    def further_settings(self) -> frozenset[str]:
        """The rotary settings and the window."""
        return super().further_settings | {"sliding_window"}

    def read_further(self, settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Read the window too."""
        return super().read_further(settings, values) | {"window": settings.get("sliding_window")}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Write the window too."""
        return super().write_further(config) | {"sliding_window": config.window}


MISTRAL_ARCHITECTURE = Windowed(
    design=MISTRAL,
    model_type="mistral",
    class_name="MistralForCausalLM",
    fields=FIELDS,
    defaults={"tie_word_embeddings": False, "head_dim": width_of_a_head},
    fixed={"hidden_act": "silu"},
    names=NAMES,
)


class Qwen(Architecture):
    """A family whose files speak of windows that no released model uses: only the value "none" is understood."""

    @property
    def further_settings(self) -> frozenset[str]:
        """The rotary settings and the kinds of the blocks."""
        return super().further_settings | {"layer_types"}

    def read_further(self, settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse blocks with a window."""
        kinds = settings.get("layer_types") or []
        if any(kind != "full_attention" for kind in kinds):
            raise LayersError(f"layer_types in config.json must all be 'full_attention', but were {kinds!r}")
        return super().read_further(settings, values)


WITHOUT_WINDOW = frozenset(("sliding_window", "max_window_layers"))  # of no effect while use_sliding_window is false

QWEN2_ARCHITECTURE = Qwen(
    design=QWEN2,
    model_type="qwen2",
    class_name="Qwen2ForCausalLM",
    fields=FIELDS,
    defaults={"tie_word_embeddings": False, "head_dim": width_of_a_head},
    fixed={"hidden_act": "silu", "use_sliding_window": False},
    without_effect=WITHOUT_WINDOW,
    names=NAMES | QUERY_KEY_VALUE_BIASES,
)

QWEN3_ARCHITECTURE = Qwen(
    design=QWEN3,
    model_type="qwen3",
    class_name="Qwen3ForCausalLM",
    fields=FIELDS,
    defaults={"tie_word_embeddings": False},
    fixed={"hidden_act": "silu", "attention_bias": False, "use_sliding_window": False},
    without_effect=WITHOUT_WINDOW,
    names=NAMES | QUERY_KEY_NORMS,
)
