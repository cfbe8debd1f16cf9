"""Mistakes in putting a whole model together or in reading its files: each replaces one method of a right decoder."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from llm_layers.spec.slips.torch_decoder import TorchDecoder
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("layers.decoder")


def _decoder(**wrong: Callable[..., Any]) -> Callable[..., Any]:
    """Return a decoder in which the named methods are replaced."""
    mistaken = type("Mistaken", (TorchDecoder,), dict(wrong))
    return lambda ids, settings, layout, weights: mistaken(settings, layout, weights).logits(ids)


def _right(name: str) -> Any:
    return getattr(TorchDecoder, name)


def _rotated_then_normed(self: Any, x: Any, layer: int) -> Any:
    rotated = TorchDecoder.rotate(self, x, layer)
    part = "q" if x.shape[1] == self.s["num_attention_heads"] else "k"
    name = f"model.layers.{layer}.self_attn.{part}_norm"
    return rotated if self.family == "olmo2" or f"{name}.weight" not in self.w else self.norm(rotated, name)


slip("no mask", "every position sees the future")(
    _decoder(mask=lambda self, n, layer: torch.ones(n, n, dtype=torch.bool))
)
slip("window ignored", "blocks with a window look at everything")(_decoder(window=lambda self, layer: None))
slip("window one too wide", "the window is counted without the own position")(
    _decoder(window=lambda self, layer: (w := _right("window")(self, layer)) and w + 1)
)
slip("window in every block", "blocks that look at everything got the window too")(
    _decoder(window=lambda self, layer: self.s.get("sliding_window"))
)
slip("last norm forgotten", "there is no norm before the head")(_decoder(last_norm=lambda self, x: x))
slip("gain as stored", "Gemma's gains count from one")(_decoder(gain=lambda self, g: g))
slip("gain from one", "one was added to gains that are whole")(_decoder(gain=lambda self, g: g + 1))
slip("embedding not scaled", "Gemma's embeddings want √d_model")(_decoder(embedding_scale=lambda self: 1.0))
slip("interleaved pairs", "rotary pairs are neighbors instead of halves: the files pair k with k + d/2")(
    _decoder(
        pairs=lambda self, x: (x[..., ::2], x[..., 1::2]), unpair=lambda self, a, b: torch.stack([a, b], -1).flatten(-2)
    )
)
slip("rotary scaling ignored", "rope_type is read as default")(
    _decoder(scaled=lambda self, frequencies, table: frequencies)
)
slip("one rotary base for all blocks", "blocks with a window have a rotary base of their own")(
    _decoder(
        rotary_table=lambda self, layer: self.s["rope_parameters"].get("full_attention", self.s["rope_parameters"])
    )
)
slip("query and key norms forgotten", "queries and keys are not normalized")(
    _decoder(query_key_norm=lambda self, x, name: x)
)
slip("norm after the rotation", "queries and keys are rotated first and normalized then")(
    _decoder(
        query_key_norm=lambda self, x, name: x if self.family != "olmo2" else _right("query_key_norm")(self, x, name),
        rotate=lambda self, x, layer: _rotated_then_normed(self, x, layer),
    )
)
slip("key heads tiled", "query head i uses key head i mod kv_heads instead of i // group")(
    _decoder(spread=lambda self, kv, group: kv.repeat(1, group, 1, 1))
)
slip("biases forgotten", "the biases are not added")(_decoder(bias=lambda self, name: None))
slip("root of the head width", "scores are divided by √d_head although the settings name another number")(
    _decoder(query_pre_attn_scalar=lambda self, d_head: float(d_head))
)
slip(
    "query, key and value per head",
    "c_attn holds all queries, then all keys, then all values, not the three of each head",
)(_decoder(apart=lambda self, joined: joined.unflatten(-1, (-1, 3)).unbind(-1)))
slip("SiLU for GELU", "the activation of this family is GELU")(_decoder(activation=lambda self, a: F.silu(a)))
slip("exact GELU", "the family uses the tanh form of GELU")(
    _decoder(activation=lambda self, a: F.gelu(a) if self.family in ("gpt2", "gemma3_text") else F.silu(a))
)
slip("chosen weights not scaled", "norm_topk_prob asks for weights that sum to one")(
    _decoder(chosen_weights=lambda self, top: top)
)
slip("chosen weights always scaled", "the chosen weights were scaled to one although norm_topk_prob is false")(
    _decoder(chosen_weights=lambda self, top: top / top.sum(-1, keepdim=True))
)
slip("positions from one", "the first position is 0")(
    _decoder(places=lambda self, length: torch.arange(1, length + 1) % length)
)
slip("norms before the parts", "OLMo 2 normalizes what a part returns")(
    _decoder(
        branch=lambda self, x, at, norms, part: _right("branch")(
            self, x, at, norms[::-1] if self.family == "olmo2" else norms, part
        )
    )
)
slip("tied head as a copy", "the head is a copy of the table, so the table misses a gradient")(
    _decoder(head=lambda self, x: x @ self.w.get("lm_head.weight", self.table.detach()).T)
)
