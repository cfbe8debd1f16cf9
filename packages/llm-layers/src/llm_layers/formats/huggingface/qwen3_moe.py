"""Qwen3-MoE: a Qwen3 whose feed-forward parts are mixtures of experts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from llm_layers.config import QWEN3_MOE, Experts, ModelConfig
from llm_layers.formats.huggingface.architecture import FULL, LOCAL
from llm_layers.formats.huggingface.llama import FEED_FORWARD, FIELDS, NAMES, QUERY_KEY_NORMS, QWEN2_DEFAULTS, Qwen
from llm_layers.interface import LayersError

EXPERTS = {
    "blocks.#.feed_forward.router.weight": "model.layers.#.mlp.gate.weight",
    "blocks.#.feed_forward.gate": "model.layers.#.mlp.experts.@.gate_proj.weight",
    "blocks.#.feed_forward.up": "model.layers.#.mlp.experts.@.up_proj.weight",
    "blocks.#.feed_forward.down": "model.layers.#.mlp.experts.@.down_proj.weight",
}
EXPERT_SETTINGS = {
    "num_experts": "count",
    "num_experts_per_tok": "per_token",
    "moe_intermediate_size": "d_expert",
    "norm_topk_prob": "norm_topk_prob",
}


class Qwen3MoE(Qwen):
    """The settings of the experts are added; a window holds for all blocks."""

    mixes_kinds: ClassVar[bool] = False

    def layer_kinds(self, settings: Mapping[str, Any], layers: int) -> list[str]:
        """Return the kind that all blocks have."""
        return [LOCAL if settings.get("use_sliding_window") else FULL] * layers

    def read_further(self, settings: Mapping[str, Any], config: ModelConfig) -> dict[str, Any]:
        """Read the experts too."""
        experts: dict[str, Any] = {ours: settings.get(public) for public, ours in EXPERT_SETTINGS.items()}
        return super().read_further(settings, config) | {"experts": Experts(**experts)}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the settings of the experts too."""
        experts = config.experts
        if experts is None:
            raise LayersError("experts must be given for a model that is saved as qwen3_moe, but was None")
        settings = {public: getattr(experts, ours) for public, ours in EXPERT_SETTINGS.items()}
        return super().write_further(config) | settings | {"num_local_experts": experts.count}


QWEN3_MOE_ARCHITECTURE = Qwen3MoE(
    design=QWEN3_MOE,
    model_type="qwen3_moe",
    class_name="Qwen3MoeForCausalLM",
    fields=FIELDS,
    defaults=QWEN2_DEFAULTS
    | {
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 24,
        "num_key_value_heads": 4,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 768,
        "norm_topk_prob": False,
    },
    # Every block has experts.
    fixed={"hidden_act": "silu", "attention_bias": False, "decoder_sparse_step": 1, "mlp_only_layers": []},
    unread=frozenset({"use_qk_norm"}),  # there are always these norms
    aliases={"num_local_experts": "num_experts"},
    names={ours: theirs for ours, theirs in NAMES.items() if ours not in FEED_FORWARD} | QUERY_KEY_NORMS | EXPERTS,
)
