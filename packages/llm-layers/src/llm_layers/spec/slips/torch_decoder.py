"""The decoder of every family once more, in torch: another hand, another order of things."""

from math import log, pi, prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class TorchDecoder:
    """One method for each place where people go wrong, so that a mistake can be put into its place."""

    def __init__(self, settings: Any, layout: Any, weights: Any) -> None:
        parts = weights.split([prod(shape) for _, shape in layout])
        self.s = settings
        self.w = {name: part.reshape(shape) for (name, shape), part in zip(layout, parts, strict=True)}
        self.family = settings["model_type"]

    def logits(self, ids: Tensor) -> Any:
        count = self.s["n_layer"] if self.family == "gpt2" else self.s["num_hidden_layers"]
        x = self.embed(ids)
        for layer in range(count):
            x = self.block(x, layer)
        return self.head(self.last_norm(x))

    def head(self, x: Tensor) -> Any:
        table = self.w.get("lm_head.weight", self.table)
        return torch.einsum("...d,vd->...v", x, table)

    @property
    def table(self) -> Any:
        return self.w["transformer.wte.weight" if self.family == "gpt2" else "model.embed_tokens.weight"]

    def embed(self, ids: Tensor) -> Any:
        x = F.embedding(ids, self.table)
        if self.family == "gpt2":
            return x + self.w["transformer.wpe.weight"][self.places(ids.shape[1])]
        return x * self.embedding_scale()

    def places(self, length: int) -> Any:
        return torch.arange(length)

    def embedding_scale(self) -> float:
        return float(self.s["hidden_size"]) ** 0.5 if self.family == "gemma3_text" else 1.0

    def last_norm(self, x: Tensor) -> Any:
        return self.norm(x, "transformer.ln_f" if self.family == "gpt2" else "model.norm")

    def norm(self, x: Tensor, name: str) -> Any:
        gain = self.w[f"{name}.weight"]
        if self.family == "gpt2":
            return F.layer_norm(x, gain.shape, gain, self.w[f"{name}.bias"], self.s["layer_norm_epsilon"])
        return F.rms_norm(x, gain.shape, self.gain(gain), self.s["rms_norm_eps"])

    def gain(self, stored: Tensor) -> Any:
        return stored + 1 if self.family == "gemma3_text" else stored

    def block(self, x: Tensor, layer: int) -> Any:
        at = f"transformer.h.{layer}." if self.family == "gpt2" else f"model.layers.{layer}."
        first, second = {
            "gpt2": (("ln_1", None), ("ln_2", None)),
            "olmo2": ((None, "post_attention_layernorm"), (None, "post_feedforward_layernorm")),
            "gemma3_text": (
                ("input_layernorm", "post_attention_layernorm"),
                ("pre_feedforward_layernorm", "post_feedforward_layernorm"),
            ),
        }.get(self.family, (("input_layernorm", None), ("post_attention_layernorm", None)))
        x = x + self.branch(x, at, first, lambda y: self.attention(y, layer, at))
        return x + self.branch(x, at, second, lambda y: self.feed_forward(y, at))

    def branch(self, x: Tensor, at: str, norms: tuple[str | None, str | None], part: Any) -> Any:
        before, after = norms
        y: Tensor = part(x if before is None else self.norm(x, at + before))
        return y if after is None else self.norm(y, at + after)

    def attention(self, x: Tensor, layer: int, at: str) -> Any:
        if self.family == "gpt2":
            joined = x @ self.w[at + "attn.c_attn.weight"] + self.w[at + "attn.c_attn.bias"]
            q, k, v = (self.heads(part, self.s["n_head"]) for part in self.apart(joined))
            return self.gather(q, k, v, layer) @ self.w[at + "attn.c_proj.weight"] + self.w[at + "attn.c_proj.bias"]
        counts = {"q": self.s["num_attention_heads"]}
        parts = []
        for part in "qkv":
            y = F.linear(x, self.w[f"{at}self_attn.{part}_proj.weight"], self.bias(f"{at}self_attn.{part}_proj.bias"))
            if self.family == "olmo2" and part != "v":
                y = self.query_key_norm(y, f"{at}self_attn.{part}_norm")
            y = self.heads(y, counts.get(part, self.s["num_key_value_heads"]))
            if self.family != "olmo2" and f"{at}self_attn.{part}_norm.weight" in self.w:
                y = self.query_key_norm(y, f"{at}self_attn.{part}_norm")
            parts.append(y if part == "v" else self.rotate(y, layer))
        q, k, v = parts
        return self.gather(q, k, v, layer) @ self.w[at + "self_attn.o_proj.weight"].T

    def apart(self, joined: Tensor) -> Any:
        return joined.chunk(3, -1)

    def bias(self, name: str) -> Any:
        return self.w.get(name)

    def query_key_norm(self, x: Tensor, name: str) -> Any:
        return self.norm(x, name)

    def heads(self, x: Tensor, count: int) -> Any:
        return x.reshape(*x.shape[:2], count, -1).transpose(1, 2)

    def rotate(self, x: Tensor, layer: int) -> Any:
        angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * self.frequencies(layer, x.shape[-1])
        a, b = self.pairs(x)
        wide = torch.promote_types(x.dtype, torch.float32)
        rotated = torch.complex(a.to(wide), b.to(wide)) * torch.polar(torch.ones_like(angle), angle).to(
            torch.complex128 if wide == torch.float64 else torch.complex64
        )
        return self.unpair(rotated.real, rotated.imag).to(x.dtype)

    def pairs(self, x: Tensor) -> Any:
        return x.chunk(2, -1)

    def unpair(self, a: Tensor, b: Tensor) -> Any:
        return torch.cat([a, b], -1)

    def rotary_table(self, layer: int) -> Any:
        table = self.s["rope_parameters"]
        return table[self.s["layer_types"][layer]] if self.family == "gemma3_text" else table

    def frequencies(self, layer: int, d_head: int) -> Any:
        table = self.rotary_table(layer)
        half = torch.arange(d_head // 2, dtype=torch.float64)
        return self.scaled((-half * log(table["rope_theta"]) * 2 / d_head).exp(), table)

    def scaled(self, frequencies: Tensor, table: Any) -> Any:
        if table["rope_type"] == "linear":
            return frequencies / table["factor"]
        if table["rope_type"] == "llama3":
            low, high = table["low_freq_factor"], table["high_freq_factor"]
            rotations = table["original_max_position_embeddings"] * frequencies / (2 * pi)
            left_alone = ((rotations - low) / (high - low)).clamp(0, 1)
            return left_alone * frequencies + (1 - left_alone) * frequencies / table["factor"]
        return frequencies

    def window(self, layer: int) -> int | None:
        kinds = self.s.get("layer_types")
        local = self.family == "mistral" or (kinds is not None and kinds[layer] == "sliding_attention")
        return self.s["sliding_window"] if local else None

    def mask(self, length: int, layer: int) -> Any:
        seen = torch.ones(length, length, dtype=torch.bool).tril()
        window = self.window(layer)
        return seen if window is None else seen & seen.triu(1 - window).tril()

    def query_pre_attn_scalar(self, d_head: int) -> float:
        return float(self.s["query_pre_attn_scalar"]) if self.family == "gemma3_text" else float(d_head)

    def spread(self, kv: Tensor, group: int) -> Any:
        return kv.repeat_interleave(group, 1)

    def gather(self, q: Tensor, k: Tensor, v: Tensor, layer: int) -> Any:
        group = q.shape[1] // k.shape[1]
        scores = q @ self.spread(k, group).mT * self.query_pre_attn_scalar(q.shape[-1]) ** -0.5
        scores = scores.masked_fill(~self.mask(q.shape[-2], layer), -torch.inf)
        return (scores.softmax(-1) @ self.spread(v, group)).transpose(1, 2).flatten(2)

    def feed_forward(self, x: Tensor, at: str) -> Any:
        if self.family == "gpt2":
            hidden = self.activation(x @ self.w[at + "mlp.c_fc.weight"] + self.w[at + "mlp.c_fc.bias"])
            return hidden @ self.w[at + "mlp.c_proj.weight"] + self.w[at + "mlp.c_proj.bias"]
        if self.family == "qwen3_moe":
            return self.experts(x, at + "mlp.")
        return self.gated(x, at + "mlp.")

    def activation(self, a: Tensor) -> Any:
        return F.gelu(a, approximate="tanh") if self.family in ("gpt2", "gemma3_text") else F.silu(a)

    def gated(self, x: Tensor, at: str) -> Any:
        a, u = F.linear(x, self.w[at + "gate_proj.weight"]), F.linear(x, self.w[at + "up_proj.weight"])
        return F.linear(self.activation(a) * u, self.w[at + "down_proj.weight"])

    def experts(self, x: Tensor, at: str) -> Any:
        probabilities = F.linear(x, self.w[at + "gate.weight"]).softmax(-1)
        top, chosen = probabilities.topk(self.s["num_experts_per_tok"], -1)
        dense = torch.zeros_like(probabilities).scatter(-1, chosen, self.chosen_weights(top))  # zero for the others
        answers = torch.stack([self.gated(x, f"{at}experts.{e}.") for e in range(self.s["num_experts"])], -1)
        return (answers * dense[..., None, :]).sum(-1)

    def chosen_weights(self, top: Tensor) -> Any:
        return top / top.sum(-1, keepdim=True) if self.s["norm_topk_prob"] else top
