"""The families that are read and written, one table each.

| in GGUF | our design | differs in |
|---|---|---|
| `llama` | Llama 2 and 3, SmolLM2, Mistral without a window | rotated pairs are neighbors; divided frequencies |
| `qwen2` | Qwen 2 | biases |
| `qwen3` | Qwen 3, and what is trained here | norms of queries and keys |
| `gemma3` | Gemma 3 (text) | windows, two rotary bases, gains that the file stores plus one |
| `gpt2` | GPT-2 | learned positions; query, key and value in one tensor |
| `olmo2` | OLMo 2 | norms after the parts; those of queries and keys over all heads |
| `qwen3moe` | Qwen3-MoE | experts |
"""

from collections.abc import Mapping
from typing import Any

from llm_layers.config import GEMMA3, GPT2, LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3, QWEN3_MOE, Design, Experts, ModelConfig
from llm_layers.formats.gguf.blocks import Floats
from llm_layers.formats.gguf.layout import Layout
from llm_layers.formats.gguf.settings import Settings
from llm_layers.interface import LayersError

EMBEDDING_AND_HEAD = {
    "embedding.table": "token_embd.weight",
    "final_norm.gain": "output_norm.weight",
    "head.weight": "output.weight",
}
ATTENTION = {
    "blocks.#.attention.query.weight": "blk.#.attn_q.weight",
    "blocks.#.attention.key.weight": "blk.#.attn_k.weight",
    "blocks.#.attention.value.weight": "blk.#.attn_v.weight",
    "blocks.#.attention.output.weight": "blk.#.attn_output.weight",
}
NORMS = {
    "blocks.#.attention_norm.gain": "blk.#.attn_norm.weight",
    "blocks.#.feed_forward_norm.gain": "blk.#.ffn_norm.weight",
}
FEED_FORWARD = {
    "blocks.#.feed_forward.gate.weight": "blk.#.ffn_gate.weight",
    "blocks.#.feed_forward.up.weight": "blk.#.ffn_up.weight",
    "blocks.#.feed_forward.down.weight": "blk.#.ffn_down.weight",
}
QUERY_KEY_NORMS = {
    "blocks.#.attention.query_norm.gain": "blk.#.attn_q_norm.weight",
    "blocks.#.attention.key_norm.gain": "blk.#.attn_k_norm.weight",
}
BIASES = {
    "blocks.#.attention.query.bias": "blk.#.attn_q.bias",
    "blocks.#.attention.key.bias": "blk.#.attn_k.bias",
    "blocks.#.attention.value.bias": "blk.#.attn_v.bias",
}
NORMS_AFTER = {
    "blocks.#.attention_output_norm.gain": "blk.#.post_attention_norm.weight",
    "blocks.#.feed_forward_output_norm.gain": "blk.#.post_ffw_norm.weight",
}
GPT2_NAMES = EMBEDDING_AND_HEAD | {
    "positions.table": "position_embd.weight",
    "final_norm.bias": "output_norm.bias",
    **{f"blocks.#.attention.{part}.weight": "blk.#.attn_qkv.weight" for part in ("query", "key", "value")},
    **{f"blocks.#.attention.{part}.bias": "blk.#.attn_qkv.bias" for part in ("query", "key", "value")},
    "blocks.#.attention.output.weight": "blk.#.attn_output.weight",
    "blocks.#.attention.output.bias": "blk.#.attn_output.bias",
    **NORMS,
    "blocks.#.attention_norm.bias": "blk.#.attn_norm.bias",
    "blocks.#.feed_forward_norm.bias": "blk.#.ffn_norm.bias",
    "blocks.#.feed_forward.up.weight": "blk.#.ffn_up.weight",
    "blocks.#.feed_forward.up.bias": "blk.#.ffn_up.bias",
    "blocks.#.feed_forward.down.weight": "blk.#.ffn_down.weight",
    "blocks.#.feed_forward.down.bias": "blk.#.ffn_down.bias",
}
# One tensor holds what all experts of a block have alike, as our weights do: experts × d_expert × d_model.
EXPERTS = {
    "blocks.#.feed_forward.router.weight": "blk.#.ffn_gate_inp.weight",
    "blocks.#.feed_forward.gate": "blk.#.ffn_gate_exps.weight",
    "blocks.#.feed_forward.up": "blk.#.ffn_up_exps.weight",
    "blocks.#.feed_forward.down": "blk.#.ffn_down_exps.weight",
}
PLAIN = EMBEDDING_AND_HEAD | ATTENTION | NORMS | FEED_FORWARD


class Gpt2(Layout):
    """Heads divide the width, each with keys of its own, and positions are learned; no setting holds either."""

    def read_heads(self, settings: Settings, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a key head for each query head; no setting holds it."""
        heads = values["heads"]
        settings.expect("attention.head_count_kv", heads)
        return {"kv_heads": heads, "d_head": values["d_model"] // max(heads, 1)}

    def write_heads(self, config: ModelConfig) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def read_further(self, settings: Settings, values: Mapping[str, Any], divisors: Floats | None) -> dict[str, Any]:
        """Return nothing: there are no rotary positions."""
        return {}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return nothing: there are no rotary positions."""
        return {}


class Gemma3(Layout):
    """The file leaves out what llama.cpp knows: every sixth block has no window, the others have the base 10000."""

    def read_further(self, settings: Settings, values: Mapping[str, Any], divisors: Floats | None) -> dict[str, Any]:
        """Read the window and the cap of the logits too."""
        settings.expect("attention.sliding_window_pattern", 6)
        settings.expect("rope.freq_base_swa", 10000.0)
        settings.take("mm.tokens_per_image", int, 0)  # of the part that reads images
        layers, heads = values["layers"], max(values["heads"], 1)
        # The largest model of the family, recognized by its 62 blocks, divides its scores by another width.
        width = values["d_model"] // heads if layers == 62 else values["d_head"]
        return super().read_further(settings, values, divisors) | {
            "window": settings.take("attention.sliding_window", int),
            "global_layers": tuple(range(5, layers, 6)),
            "local_rope_base": 10000.0,
            "query_pre_attn_scalar": width,
            "final_logit_softcap": settings.take("final_logit_softcapping", float, None),
        }

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the window and the cap of the logits too."""
        cap, window = config.final_logit_softcap, config.window
        entries = {"attention.sliding_window": window, "final_logit_softcapping": None if cap is None else float(cap)}
        return super().write_further(config) | {name: value for name, value in entries.items() if value is not None}


class Mixture(Layout):
    """A family whose feed-forward parts are all mixtures of experts, with routing weights that are renormalized.

    llama.cpp renormalizes them in this family whatever the file holds: the setting `expert_weights_norm`, which other
    families have, changes nothing there.
    """

    def read_experts(self, settings: Settings, values: Mapping[str, Any]) -> Experts:
        """Read the shape; by default the experts that are active for a token divide `d_ff`."""
        settings.expect("expert_weights_norm", True)
        per_token = settings.take("expert_used_count", int)
        return Experts(
            count=settings.take("expert_count", int),
            per_token=per_token,
            d_expert=settings.take("expert_feed_forward_length", int, values["d_ff"] // max(per_token, 1)),
        )

    def write_experts(self, config: ModelConfig) -> dict[str, Any]:
        """Return the settings that `read_experts` reads.

        Raises:
            LayersError: there are no experts, or their weights are not renormalized.
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
                "llama.cpp renormalizes the weights of the chosen experts, whatever a file holds; save_model can "
                "write the model as a folder"
            )
        return {
            "expert_count": experts.count,
            "expert_used_count": experts.per_token,
            "expert_feed_forward_length": experts.d_expert,
        }


FAMILIES = (
    Layout(name="llama", design=LLAMA, names=PLAIN, interleaved=True, divided_frequencies=True),
    Layout(name="qwen2", design=QWEN2, names=PLAIN | BIASES, equal_heads=True),
    Layout(name="qwen3", design=QWEN3, names=PLAIN | QUERY_KEY_NORMS),
    Gemma3(
        name="gemma3",
        design=GEMMA3,
        names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS | NORMS_AFTER | FEED_FORWARD,
        gain_offset=1.0,
    ),
    Gpt2(name="gpt2", design=GPT2, names=GPT2_NAMES, epsilon="attention.layer_norm_epsilon", equal_heads=True),
    Layout(
        name="olmo2",
        design=OLMO2,
        names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS_AFTER | FEED_FORWARD,
        equal_heads=True,
        own_head=True,
    ),
    Mixture(
        name="qwen3moe", design=QWEN3_MOE, names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS | EXPERTS
    ),
)
BY_NAME = {family.name: family for family in FAMILIES}
BY_DESIGN: dict[Design, Layout] = {family.design: family for family in FAMILIES} | {MISTRAL: BY_NAME["llama"]}


def family_of(config: ModelConfig) -> Layout:
    """Return the layout that a model of ours is written in."""
    if config.design not in BY_DESIGN:
        known = ", ".join(str(design.family) for design in BY_DESIGN)
        raise LayersError(
            f"the model must have the design of one of {known} to be written as GGUF, but has {config.design!r}: "
            "no reader of the format could run it"
        )
    return BY_DESIGN[config.design]


def family_named(name: object) -> Layout:
    """Return the layout that a file names."""
    if not isinstance(name, str) or name not in BY_NAME:
        raise LayersError(
            f"general.architecture must be one of {', '.join(BY_NAME)}, but was {name!r:.60}: "
            "run the file with llama.cpp"
        )
    return BY_NAME[name]
