"""Gemma 3 (text): most blocks look back a window only, every sixth looks at everything, each kind with its own base."""

from collections.abc import Mapping
from typing import Any

from llm_layers.config import GEMMA3, ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.formats.huggingface.llama import ATTENTION, EMBEDDING_AND_HEAD, FEED_FORWARD, FIELDS, QUERY_KEY_NORMS
from llm_layers.formats.huggingface.rope import read_rope, read_scaling, write_scaling
from llm_layers.interface import LayersError

NORMS_AROUND = {
    "blocks.#.attention_norm.gain": "model.layers.#.input_layernorm.weight",
    "blocks.#.attention_output_norm.gain": "model.layers.#.post_attention_layernorm.weight",
    "blocks.#.feed_forward_norm.gain": "model.layers.#.pre_feedforward_layernorm.weight",
    "blocks.#.feed_forward_output_norm.gain": "model.layers.#.post_feedforward_layernorm.weight",
}
FULL, LOCAL = "full_attention", "sliding_attention"
SETTINGS = frozenset(
    (
        "sliding_window", "layer_types", "sliding_window_pattern", "_sliding_window_pattern", "rope_local_base_freq",
        "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping",
    )
)  # fmt: skip


class Gemma3(Architecture):
    """Windows, two rotary bases and two caps come on top."""

    @property
    def further_settings(self) -> frozenset[str]:
        """The rotary settings and Gemma's own."""
        return super().further_settings | SETTINGS

    def read_further(self, settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Read which blocks look how far, and how their positions turn."""
        layers = values["layers"]
        kinds = settings.get("layer_types") or self._pattern(settings, layers)
        if len(kinds) != layers or set(kinds) - {FULL, LOCAL}:
            raise LayersError(
                f"layer_types in config.json must name '{FULL}' or '{LOCAL}' for each of the {layers} blocks, "
                f"but was {kinds!r}"
            )
        tables = settings.get("rope_parameters")
        if isinstance(tables, Mapping) and FULL in tables:  # the newer form: one table for each kind of block
            base, scaling = read_rope({"rope_parameters": tables[FULL]}, values["context_length"])
            local_base, _ = read_rope({"rope_parameters": tables.get(LOCAL) or {}}, values["context_length"])
            if read_scaling(tables.get(LOCAL) or {}, values["context_length"]) is not None:
                raise LayersError(
                    f"rope_parameters of '{LOCAL}' in config.json must not be scaled, but were: {tables!r}"
                )
        else:
            base, scaling = read_rope({"rope_theta": 1e6} | dict(settings), values["context_length"])
            local_base = float(settings.get("rope_local_base_freq") or 1e4)
        return {
            "window": settings.get("sliding_window"),
            "global_layers": tuple(layer for layer, kind in enumerate(kinds) if kind == FULL),
            "rope_base": base,
            "rope_scaling": scaling,
            "local_rope_base": local_base,
            "query_pre_attn_scalar": settings.get("query_pre_attn_scalar", 256),
            "attn_logit_softcap": settings.get("attn_logit_softcapping"),
            "final_logit_softcap": settings.get("final_logit_softcapping"),
        }

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Write them in the newer form, and in the older where it differs."""
        kinds = [FULL if layer in config.global_layers else LOCAL for layer in range(config.layers)]
        local_base = config.local_rope_base or config.rope_base
        return {
            "sliding_window": config.window,
            "layer_types": kinds,
            "rope_parameters": {
                FULL: write_scaling(config.rope_base, config.rope_scaling),
                LOCAL: write_scaling(local_base, None),
            },
            "query_pre_attn_scalar": config.query_pre_attn_scalar or config.d_head,
            "attn_logit_softcapping": config.attn_logit_softcap,
            "final_logit_softcapping": config.final_logit_softcap,
        }

    @staticmethod
    def _pattern(settings: Mapping[str, Any], layers: int) -> list[str]:
        every = settings.get("sliding_window_pattern") or settings.get("_sliding_window_pattern") or 6
        if type(every) is not int or every < 1:
            raise LayersError(
                f"sliding_window_pattern in config.json must be a whole number above 0, but was {every!r}"
            )
        return [LOCAL if (layer + 1) % every else FULL for layer in range(layers)]


GEMMA3_ARCHITECTURE = Gemma3(
    design=GEMMA3,
    model_type="gemma3_text",
    class_name="Gemma3ForCausalLM",
    fields=FIELDS,
    defaults={"tie_word_embeddings": True, "head_dim": 256, "num_key_value_heads": 4, "rms_norm_eps": 1e-6},
    fixed={"hidden_activation": "gelu_pytorch_tanh", "attention_bias": False, "use_bidirectional_attention": False},
    names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS_AROUND | FEED_FORWARD,
)
