"""A mixture of experts in GGUF: its shape in three settings, and one tensor for what all experts of a block have alike.

    blk.0.ffn_gate_inp.weight     experts × d_model                the router
    blk.0.ffn_gate_exps.weight    experts × d_expert × d_model     all gates, one expert after the other
    blk.0.ffn_up_exps.weight      experts × d_expert × d_model
    blk.0.ffn_down_exps.weight    experts × d_model × d_expert

That is how our weights stand too; a folder in the Hugging Face layout holds a matrix for each expert instead.
"""

from collections.abc import Mapping
from typing import Any

from llm_layers.config import Experts, ModelConfig
from llm_layers.formats.gguf.family import Family
from llm_layers.formats.gguf.settings import Settings
from llm_layers.interface import LayersError

EXPERTS = {
    "blocks.#.feed_forward.router.weight": "blk.#.ffn_gate_inp.weight",
    "blocks.#.feed_forward.gate": "blk.#.ffn_gate_exps.weight",
    "blocks.#.feed_forward.up": "blk.#.ffn_up_exps.weight",
    "blocks.#.feed_forward.down": "blk.#.ffn_down_exps.weight",
}


class Mixture(Family):
    """A family whose feed-forward parts are all mixtures of experts, with shares that add up to one.

    llama.cpp makes them add up in this family without asking the file: its program for `qwen3moe` says so, and the
    setting `expert_weights_norm`, which other families have, changes nothing there.
    """

    def read_experts(self, settings: Settings, values: Mapping[str, Any]) -> Experts:
        """Read the shape; where the width of an expert is not said, those that work on a token share out `d_ff`."""
        settings.expect("expert_weights_norm", True)
        per_token = settings.take("expert_used_count", int)
        return Experts(
            count=settings.take("expert_count", int),
            per_token=per_token,
            d_expert=settings.take("expert_feed_forward_length", int, values["d_ff"] // max(per_token, 1)),
        )

    def write_experts(self, config: ModelConfig) -> dict[str, Any]:
        """Give the settings that `read_experts` reads.

        Raises:
            LayersError: there are no experts, or their shares do not add up to one.
        """
        experts = config.experts
        if experts is None:
            raise LayersError(
                f"experts must be given in a GGUF file of the family {self.name}, but was None: a model with one "
                "feed-forward part in each block has the design QWEN3"
            )
        if not experts.norm_topk_prob:
            raise LayersError(
                f"norm_topk_prob of Experts must be True in a GGUF file of the family {self.name}, but was False: "
                "llama.cpp makes the shares of the chosen experts add up to one, whatever a file says; save_model can "
                "write the model as a folder"
            )
        return {
            "expert_count": experts.count,
            "expert_used_count": experts.per_token,
            "expert_feed_forward_length": experts.d_expert,
        }
