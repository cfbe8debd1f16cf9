"""Qwen3-MoE: a Qwen3 whose feed-forward parts are mixtures of experts."""

from collections.abc import Mapping
from typing import Any

from llm_layers.config import QWEN3_MOE, Experts, ModelConfig
from llm_layers.formats.huggingface.llama import FEED_FORWARD, FIELDS, NAMES, QUERY_KEY_NORMS, WITHOUT_WINDOW, Qwen
from llm_layers.interface import LayersError

EXPERTS = {
    "blocks.#.feed_forward.router.weight": "model.layers.#.mlp.gate.weight",
    "blocks.#.feed_forward.gate": "model.layers.#.mlp.experts.@.gate_proj.weight",
    "blocks.#.feed_forward.up": "model.layers.#.mlp.experts.@.up_proj.weight",
    "blocks.#.feed_forward.down": "model.layers.#.mlp.experts.@.down_proj.weight",
}
SETTINGS = ("num_experts", "num_local_experts", "num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob")


class Qwen3MoE(Qwen):
    """The settings of the experts come on top."""

    @property
    def further_settings(self) -> frozenset[str]:
        """Those of Qwen and of the experts."""
        return super().further_settings | set(SETTINGS)

    def read_further(self, settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Read the experts; their number stands under either of two keys."""
        counts = {settings[key] for key in SETTINGS[:2] if settings.get(key) is not None}
        if len(counts) != 1:
            raise LayersError(f"config.json must give one number of experts as num_experts, but gave {sorted(counts)}")
        missing = [key for key in SETTINGS[2:4] if settings.get(key) is None]
        if missing:
            raise LayersError(f"config.json must hold {', '.join(missing)}, but does not: add what is missing")
        experts = Experts(
            count=counts.pop(),
            per_token=settings["num_experts_per_tok"],
            d_expert=settings["moe_intermediate_size"],
            norm_topk_prob=settings.get("norm_topk_prob") or False,
        )
        return super().read_further(settings, values) | {"experts": experts}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Write the experts too."""
        experts = config.experts
        if experts is None:
            raise LayersError("experts must be given for a model that is saved as qwen3_moe, but was None")
        return super().write_further(config) | {
            "num_experts": experts.count,
            "num_local_experts": experts.count,
            "num_experts_per_tok": experts.per_token,
            "moe_intermediate_size": experts.d_expert,
            "norm_topk_prob": experts.norm_topk_prob,
        }


QWEN3_MOE_ARCHITECTURE = Qwen3MoE(
    design=QWEN3_MOE,
    model_type="qwen3_moe",
    class_name="Qwen3MoeForCausalLM",
    fields=FIELDS,
    defaults={"tie_word_embeddings": False},
    fixed={
        "hidden_act": "silu",
        "attention_bias": False,
        "use_sliding_window": False,
        "decoder_sparse_step": 1,  # every block has experts
        "mlp_only_layers": [],
    },
    # The weight of the balancing loss matters to training alone.
    without_effect=WITHOUT_WINDOW | {"router_aux_loss_coef", "output_router_logits"},
    names={ours: theirs for ours, theirs in NAMES.items() if ours not in FEED_FORWARD} | QUERY_KEY_NORMS | EXPERTS,
)
