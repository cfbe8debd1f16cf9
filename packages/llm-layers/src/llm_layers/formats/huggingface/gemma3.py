"""Gemma 3 (text): most blocks have a window, every sixth has none, and each kind has a rotary base of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

from llm_layers.config import GEMMA3, ModelConfig
from llm_layers.formats.huggingface.architecture import FULL, LOCAL, Architecture, kinds_of
from llm_layers.formats.huggingface.llama import ATTENTION, EMBEDDING_AND_HEAD, FEED_FORWARD, FIELDS, QUERY_KEY_NORMS
from llm_layers.formats.huggingface.rope_settings import read_rope_settings, write_scaling
from llm_layers.interface import LayersError

NORMS_AROUND = {
    "blocks.#.attention_norm.gain": "model.layers.#.input_layernorm.weight",
    "blocks.#.attention_output_norm.gain": "model.layers.#.post_attention_layernorm.weight",
    "blocks.#.feed_forward_norm.gain": "model.layers.#.pre_feedforward_layernorm.weight",
    "blocks.#.feed_forward_output_norm.gain": "model.layers.#.post_feedforward_layernorm.weight",
}
LOCAL_BASE, GLOBAL_BASE = 1e4, 1e6  # the rotary bases where a file does not hold them


class Gemma3(Architecture):
    """Windows, two rotary bases and two caps are added."""

    mixes_kinds: ClassVar[bool] = True

    def layer_kinds(self, settings: Mapping[str, Any], layers: int) -> list[str]:
        """Return the kinds where `layer_types` is left out: every sixth block attends to everything."""
        every = settings["sliding_window_pattern"]
        every = settings["_sliding_window_pattern"] if every is None else every
        if type(every) is not int or every < 1:
            raise LayersError(
                f"sliding_window_pattern in config.json must be a whole number above 0, but was {every!r}"
            )
        return [LOCAL if (layer + 1) % every else FULL for layer in range(layers)]

    def read_further(self, settings: Mapping[str, Any], config: ModelConfig) -> dict[str, Any]:
        """Read which blocks look how far, and the rotary positions of both kinds of blocks."""
        context, tables = config.context_length, settings.get("rope_parameters")
        local = {"rope_theta": settings.get("rope_local_base_freq")}
        if isinstance(tables, Mapping) and tables.keys() & {FULL, LOCAL}:  # the newer form: a table for each kind
            local |= {"rope_parameters": tables.get(LOCAL)}
            settings = {**settings, "rope_parameters": tables.get(FULL)}
        base, scaling = read_rope_settings(settings, context, GLOBAL_BASE)
        local_base, local_scaling = read_rope_settings(local, context, LOCAL_BASE)
        if local_scaling is not None:
            raise LayersError(
                f"rope_parameters of {LOCAL!r} in config.json must not be scaled, but were {tables!r}: "
                "run the model with transformers"
            )
        window = self.read_window(settings, config.layers)
        return window | {
            "rope_base": base,
            "rope_scaling": scaling,
            "local_rope_base": None if window["window"] is None else local_base,
            "query_pre_attn_scalar": settings["query_pre_attn_scalar"] or config.d_head,
            "attn_logit_softcap": settings["attn_logit_softcapping"],
            "final_logit_softcap": settings["final_logit_softcapping"],
        }

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return them in the newer form, and in the older where it differs."""
        return {
            "sliding_window": config.window,
            "layer_types": kinds_of(config),
            "rope_parameters": {
                FULL: write_scaling(config.rope_base, config.rope_scaling),
                LOCAL: write_scaling(config.local_rope_base or config.rope_base, None),
            },
            "query_pre_attn_scalar": config.query_pre_attn_scalar or config.d_head,
            "attn_logit_softcapping": config.attn_logit_softcap,
            "final_logit_softcapping": config.final_logit_softcap,
        }


GEMMA3_ARCHITECTURE = Gemma3(
    design=GEMMA3,
    model_type="gemma3_text",
    class_name="Gemma3ForCausalLM",
    fields=FIELDS,
    defaults={
        "vocab_size": 262208,
        "hidden_size": 2304,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "intermediate_size": 9216,
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "sliding_window": 4096,
        "sliding_window_pattern": None,
        "_sliding_window_pattern": 6,
        "rope_local_base_freq": None,
        "query_pre_attn_scalar": 256,
        "attn_logit_softcapping": None,
        "final_logit_softcapping": None,
    },
    unread=frozenset({"hidden_act"}),  # hidden_activation decides
    fixed={"hidden_activation": "gelu_pytorch_tanh", "attention_bias": False, "use_bidirectional_attention": False},
    names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS_AROUND | FEED_FORWARD,
)
