"""Mistakes in putting a whole model together or in reading its files: each replaces one method of a right decoder."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.spec.witnesses.decoder import TorchDecoder
from llm_tokenizer.conformance import Alternative, slip


def _mistake(name: str, hint: str, **wrong: Callable[..., Any]) -> Alternative:
    """A decoder in which the named methods are replaced."""
    mistaken = type("Mistaken", (TorchDecoder,), dict(wrong))

    def decoder(ids: Any, settings: Any, layout: Any, weights: Any) -> Any:
        return mistaken(settings, layout, weights).logits(ids)

    return slip("layers.decoder", name, hint)(decoder)


def _right(name: str) -> Any:
    return getattr(TorchDecoder, name)


no_mask = _mistake(
    "no mask", "every position sees the future", mask=lambda self, n, layer: torch.ones(n, n, dtype=torch.bool)
)
strict_mask = _mistake(
    "own position hidden",
    "a position does not see itself",
    mask=lambda self, n, layer: torch.ones(n, n, dtype=torch.bool).tril(-1) | torch.eye(n, dtype=torch.bool)[:1],
)
no_window = _mistake("window ignored", "blocks with a window look at everything", window=lambda self, layer: None)
wide_window = _mistake(
    "window one too wide",
    "the window is counted without the own position",
    window=lambda self, layer: (w := _right("window")(self, layer)) and w + 1,
)
all_windows = _mistake(
    "window in every block",
    "blocks that look at everything got the window too",
    window=lambda self, layer: self.s.get("sliding_window"),
)
no_last_norm = _mistake("last norm forgotten", "there is no norm before the head", last_norm=lambda self, x: x)
gain_as_stored = _mistake("gain as stored", "Gemma's gains count from one", gain=lambda self, g: g)
gain_from_one = _mistake("gain from one", "one was added to gains that are whole", gain=lambda self, g: g + 1)
unscaled = _mistake("embedding not scaled", "Gemma's embeddings want √d_model", embedding_scale=lambda self: 1.0)
interleaved = _mistake(
    "interleaved pairs",
    "rotary pairs are neighbours instead of halves: the files pair k with k + d/2",
    pairs=lambda self, x: (x[..., ::2], x[..., 1::2]),
    unpair=lambda self, a, b: torch.stack([a, b], -1).flatten(-2),
)
other_way = _mistake(
    "turned the other way",
    "the pairs are turned clockwise",
    pairs=lambda self, x: x.chunk(2, -1)[::-1],
    unpair=lambda self, a, b: torch.cat([b, a], -1),
)
unscaled_rotary = _mistake(
    "rotary scaling ignored", "rope_type is read as default", scaled=lambda self, speeds, table: speeds
)
one_base = _mistake(
    "one rotary base for all blocks",
    "blocks with a window have a rotary base of their own",
    rotary_table=lambda self, layer: self.s["rope_parameters"].get("full_attention", self.s["rope_parameters"]),
)
norm_for_nothing = _mistake(
    "query and key norms forgotten", "queries and keys are not normalised", query_key_norm=lambda self, x, name: x
)
norm_after = _mistake(
    "norm after turning",
    "queries and keys are turned first and normalised then",
    query_key_norm=lambda self, x, name: x if self.family != "olmo2" else _right("query_key_norm")(self, x, name),
    turn=lambda self, x, layer: _turned_then_normed(self, x, layer),
)
tiled = _mistake(
    "key heads tiled",
    "query head i uses key head i mod kv_heads instead of i // group",
    spread=lambda self, kv, group: kv.repeat(1, group, 1, 1),
)
heads_last = _mistake(
    "heads split the other way",
    "the width is cut into d_head × heads instead of heads × d_head",
    heads=lambda self, x, count: x.reshape(*x.shape[:2], -1, count).permute(0, 3, 1, 2),
)
no_biases = _mistake("biases forgotten", "the biases are not added", bias=lambda self, name: None)
width_of_head = _mistake(
    "root of the head width",
    "scores are divided by √d_head although the settings name another number",
    query_pre_attn_scalar=lambda self, d_head: float(d_head),
)
mixed_up = _mistake(
    "query, key and value per head",
    "c_attn holds all queries, then all keys, then all values, not the three of each head",
    apart=lambda self, joined: joined.unflatten(-1, (-1, 3)).unbind(-1),
)
silu_everywhere = _mistake("SiLU for GELU", "this family bends with GELU", bend=lambda self, a: F.silu(a))
exact_gelu = _mistake(
    "exact GELU",
    "the family uses the tanh form of GELU",
    bend=lambda self, a: F.gelu(a) if self.family in ("gpt2", "gemma3_text") else F.silu(a),
)
shares_as_they_are = _mistake(
    "chosen shares not scaled", "norm_topk_prob asks for shares that add up to one", chosen_shares=lambda self, top: top
)
shares_scaled = _mistake(
    "chosen shares always scaled",
    "the chosen shares were scaled to one although norm_topk_prob is false",
    chosen_shares=lambda self, top: top / top.sum(-1, keepdim=True),
)
from_one = _mistake(
    "positions from one", "the first position is 0", places=lambda self, length: torch.arange(1, length + 1) % length
)
norm_before = _mistake(
    "norms before the parts",
    "OLMo 2 normalises what a part gives back",
    branch=lambda self, x, at, norms, part: _right("branch")(
        self, x, at, norms[::-1] if self.family == "olmo2" else norms, part
    ),
)
head_copy = _mistake(
    "tied head as a copy",
    "the head is a copy of the table, so the table misses a gradient",
    head=lambda self, x: x @ self.w.get("lm_head.weight", self.table.detach()).T,
)


def _turned_then_normed(self: Any, x: Any, layer: int) -> Any:
    turned = TorchDecoder.turn(self, x, layer)
    part = "q" if x.shape[1] == self.s["num_attention_heads"] else "k"
    name = f"model.layers.{layer}.self_attn.{part}_norm"
    return turned if self.family == "olmo2" or f"{name}.weight" not in self.w else self.norm(turned, name)
