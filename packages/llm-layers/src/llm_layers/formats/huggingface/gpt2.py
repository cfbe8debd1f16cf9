"""GPT-2: its files hold query, key and value in one weight, and all weights of its blocks as (in, out)."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from llm_layers.config import GPT2, ModelConfig
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.interface import LayersError

FIELDS = {
    "vocab_size": "vocab_size",
    "n_embd": "d_model",
    "n_layer": "layers",
    "n_head": "heads",
    "n_positions": "context_length",
    "layer_norm_epsilon": "norm_eps",
    "tie_word_embeddings": "tied_embeddings",
}
BLOCK = {
    "attention_norm.gain": "ln_1.weight",
    "attention_norm.bias": "ln_1.bias",
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
JOINED = ("query", "key", "value")  # in this order in one weight, attn.c_attn
TURNED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


class Gpt2Architecture(Architecture):
    """The joined and turned weights."""

    @property
    def further_settings(self) -> frozenset[str]:
        """Heads and the inner width follow from the model's."""
        return frozenset(("n_inner", "n_ctx"))

    def read_further(self, settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """One key head for each query head; heads that share out the width; an inner width of four."""
        width, heads = values["d_model"], values["heads"]
        if type(width) is not int or type(heads) is not int or heads < 1 or width % heads:
            raise LayersError(
                f"config.json must hold n_embd as a multiple of n_head, but held n_embd {width!r} and n_head {heads!r}"
            )
        return {"kv_heads": heads, "d_head": width // heads, "d_ff": settings.get("n_inner") or 4 * width}

    def write_further(self, config: ModelConfig) -> dict[str, Any]:
        """Write the inner width."""
        return {"n_inner": config.d_ff, "n_ctx": config.context_length}

    def to_public(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Join query, key and value; turn the weights of the blocks to (in, out)."""
        joined: dict[str, list[Tensor]] = {}
        plain: dict[str, Tensor] = {}
        for name, weight in weights.items():
            start, _, end = name.partition(".attention.")
            part, _, kind = end.partition(".")
            if part in JOINED:
                number = start.removeprefix("blocks.")
                joined.setdefault(f"transformer.h.{number}.attn.c_attn.{kind}", []).append(weight)
            else:
                plain[name] = weight
        public = super().to_public(plain) | {name: torch.cat(parts) for name, parts in joined.items()}
        return {name: weight.T if name.endswith(TURNED) else weight for name, weight in public.items()}

    def from_public(self, public: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """Turn the weights back to (out, in) and take query, key and value apart."""
        turned = {name: weight.T if name.endswith(TURNED) else weight for name, weight in public.items()}
        split: dict[str, Tensor] = {}
        plain: list[str] = []
        for name in names:
            start, _, end = name.partition(".attention.")
            part, _, kind = end.partition(".")
            if part in JOINED:
                number = start.removeprefix("blocks.")
                split[name] = turned[f"transformer.h.{number}.attn.c_attn.{kind}"].chunk(3)[JOINED.index(part)]
            else:
                plain.append(name)
        return split | super().from_public(turned, plain)

    def stored_name(self, name: str) -> str | None:
        """The first GPT-2 files lack the prefix."""
        stored = super().stored_name(name)
        if stored is None or stored.startswith(("transformer.", "lm_head.")):
            return stored
        return f"transformer.{stored}"


GPT2_ARCHITECTURE = Gpt2Architecture(
    design=GPT2,
    model_type="gpt2",
    class_name="GPT2LMHeadModel",
    fields=FIELDS,
    defaults={"tie_word_embeddings": True, "layer_norm_epsilon": 1e-5},
    fixed={
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
    },
    without_effect=frozenset(
        (
            "attn_pdrop",
            "embd_pdrop",
            "resid_pdrop",
            "summary_activation",
            "summary_first_dropout",
            "summary_proj_to_labels",
            "summary_type",
            "summary_use_proj",
            "task_specific_params",
        )
    ),
    names=NAMES,
    ignored=r"\.attn\.(masked_)?bias$",
)
