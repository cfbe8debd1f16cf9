"""GPT-2: its files hold query, key and value in one weight, and all weights of its blocks as (in, out)."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from llm_layers.config import GPT2, ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture, head_width

FIELDS = {
    "vocab_size": "vocab_size",
    "n_embd": "d_model",
    "n_layer": "layers",
    "n_head": "heads",
    "n_positions": "context_length",
    "layer_norm_epsilon": "norm_eps",
    "tie_word_embeddings": "tied_embeddings",
}
KINDS = ("weight", "bias")
BLOCK = {
    "attention_norm.gain": "ln_1.weight",
    "attention_norm.bias": "ln_1.bias",
    **{f"attention.{part}.{kind}": f"attn.c_attn.{kind}" for part in ("query", "key", "value") for kind in KINDS},
    "attention.output.weight": "attn.c_proj.weight",
    "attention.output.bias": "attn.c_proj.bias",
    "feed_forward_norm.gain": "ln_2.weight",
    "feed_forward_norm.bias": "ln_2.bias",
    "feed_forward.up.weight": "mlp.c_fc.weight",
    "feed_forward.up.bias": "mlp.c_fc.bias",
    "feed_forward.down.weight": "mlp.c_proj.weight",
    "feed_forward.down.bias": "mlp.c_proj.bias",
}
NAMES = {
    "embedding.table": "transformer.wte.weight",
    "positions.table": "transformer.wpe.weight",
    "final_norm.gain": "transformer.ln_f.weight",
    "final_norm.bias": "transformer.ln_f.bias",
    "head.weight": "lm_head.weight",
} | {f"blocks.#.{ours}": f"transformer.h.#.{theirs}" for ours, theirs in BLOCK.items()}
TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


class Gpt2Architecture(Architecture):
    """The joined and transposed weights."""

    rope_keys: ClassVar[frozenset[str]] = frozenset()

    def read_shape(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Read the shape: a key head for each query head, and by default a feed-forward part of 4 widths."""
        shape: dict[str, Any] = {ours: settings.get(public) for public, ours in FIELDS.items()}
        width, heads = shape["d_model"], shape["heads"]
        d_head = head_width(width, heads)
        return shape | {"kv_heads": heads, "d_head": d_head, "d_ff": settings.get("n_inner") or 4 * width}

    def read_further(self, settings: Mapping[str, Any], config: ModelConfig) -> dict[str, Any]:
        """Return nothing: positions are learned, and no block has a window."""
        return {}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Return the width of the feed-forward part."""
        return {"n_inner": config.d_ff, "n_ctx": config.context_length}

    def to_public(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Transpose the weights of the blocks to (in, out)."""
        return _transposed(super().to_public(weights))

    def from_public(self, public: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """Transpose the weights of the blocks back to (out, in)."""
        return super().from_public(_transposed(public), names)

    def stored_name(self, name: str) -> str | None:
        """Add the prefix that the first GPT-2 files lack."""
        stored = super().stored_name(name)
        if stored is None or stored.startswith(("transformer.", "lm_head.")):
            return stored
        return f"transformer.{stored}"

    def buffer_fits(self, name: str, buffer: Tensor, config: ModelConfig) -> bool:
        """Return whether a stored mask is the causal one, and the score of a masked place one that leaves no weight."""
        if name.endswith("masked_bias"):
            return buffer.numel() == 1 and float(buffer) <= -1e4
        causal = torch.ones(config.context_length, config.context_length, dtype=torch.bool).tril()
        return buffer.numel() == causal.numel() and torch.equal(buffer.reshape(causal.shape) != 0, causal)


def _transposed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.T if name.endswith(TRANSPOSED) else weight for name, weight in weights.items()}


GPT2_ARCHITECTURE = Gpt2Architecture(
    design=GPT2,
    model_type="gpt2",
    class_name="GPT2LMHeadModel",
    fields=FIELDS,
    defaults={
        "vocab_size": 50257,
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": 1024,
        "n_inner": None,
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True,
    },
    fixed={
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
    },
    unread=frozenset({"hidden_act"}),  # activation_function decides
    aliases={
        "hidden_size": "n_embd",
        "num_hidden_layers": "n_layer",
        "num_attention_heads": "n_head",
        "max_position_embeddings": "n_positions",
    },
    names=NAMES,
    buffers=r"\.attn\.(masked_)?bias$",
)
