"""One transformer block: look around, then think, and add both to the stream."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.kernels.presets import EAGER, Kernels
from llm_layers.layers.attention import Attention
from llm_layers.layers.kv_cache import LayerCache
from llm_layers.layers.linear import Linear
from llm_layers.layers.mixture_of_experts import MixtureOfExperts
from llm_layers.layers.rotary import Rotation


class SelfAttention(nn.Module):
    """Grouped-query self-attention, with normalised queries and keys and rotary positions where the design has them.

    Why it works:
        Several heads look for several things at once. Groups of query heads share one key/value head, which makes the
        cache smaller by the size of a group at hardly any loss. Queries and keys are normalised before they are
        turned, so that no score can run away during training.

    Args:
        config: the shape and the design.
        kernels: the functions that compute it.

    Spec: layers.block
    Source: Ainslie et al. 2023 (grouped queries), arXiv:2305.13245; Henry et al. 2020 (head norms), arXiv:2010.04245.
    """

    def __init__(self, config: ModelConfig, kernels: Kernels = EAGER) -> None:
        super().__init__()
        d_model, d_head, heads, kv_heads = config.d_model, config.d_head, config.heads, config.kv_heads
        self.kv_heads, self.group, self.d_head = kv_heads, heads // kv_heads, d_head
        biased = config.design.biases != "none"
        self.query = Linear(d_model, heads * d_head, bias=biased, kernel=kernels.linear)
        self.key = Linear(d_model, kv_heads * d_head, bias=biased, kernel=kernels.linear)
        self.value = Linear(d_model, kv_heads * d_head, bias=biased, kernel=kernels.linear)
        self.over_all_heads = config.design.query_key_norm == "width"
        self.query_norm = _query_key_norm(config, kernels, heads)
        self.key_norm = _query_key_norm(config, kernels, kv_heads)
        self.output = Linear(heads * d_head, d_model, bias=config.design.biases == "all", kernel=kernels.linear)
        # The kernel divides by √d_head; where the model wants another root, the queries are stretched beforehand.
        self.stretch = 1.0 if config.query_pre_attn_scalar is None else (d_head / config.query_pre_attn_scalar) ** 0.5
        self.attend = _attention(config, kernels)
        self.rotate, self.fused_linears = kernels.rotate, kernels.fused_linears

    def forward(
        self,
        x: Float[Tensor, "batch position d_model"],
        rotation: Rotation | None,
        mask: Bool[Tensor, "*#batch query_position key_position"] | None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Let every position of x gather from the positions that `mask` lets it see."""
        query, key, value = self._project(x)
        value = self._split(value)
        if self.over_all_heads:
            query, key = self._split(self.query_norm(query)), self._split(self.key_norm(key))
        else:  # batch kv_heads*group position d_head; batch kv_heads position d_head
            query, key = self.query_norm(self._split(query)), self.key_norm(self._split(key))
        if rotation is not None:
            query, key = self.rotate(query, rotation), self.rotate(key, rotation)
        if self.stretch != 1.0:
            query = query * self.stretch
        if cache is not None:
            key, value = cache.append(key, value)
        batch, _, length, d_head = query.shape
        # Neighbouring query heads share a key head: (batch, kv_heads, group, position, d_head)
        grouped = query.reshape(batch, self.kv_heads, self.group, length, d_head)
        y = self.attend(grouped, key[:, :, None], value[:, :, None], mask)
        merged: Tensor = self.output(y.flatten(1, 2).transpose(1, 2).flatten(2))
        return merged

    def _project(self, x: Float[Tensor, "batch position d_model"]) -> tuple[Tensor, ...]:
        maps = (self.query, self.key, self.value)
        if self.fused_linears is None or not all(type(one) is Linear for one in maps):
            return tuple(one(x) for one in maps)  # a map with a correction or with codes multiplies by itself
        return self.fused_linears(x, [one.weight for one in maps], [one.bias for one in maps])

    def _split(self, x: Float[Tensor, "batch position _"]) -> Float[Tensor, "batch heads position d_head"]:
        return x.reshape(*x.shape[:2], x.shape[2] // self.d_head, self.d_head).transpose(1, 2)


def _query_key_norm(config: ModelConfig, kernels: Kernels, heads: int) -> nn.Module:
    kind = config.design.query_key_norm
    if kind == "none":
        return nn.Identity()
    return kernels.norm_of(config.design.norm, config.d_head * (heads if kind == "width" else 1), config.norm_eps)


def _attention(config: ModelConfig, kernels: Kernels) -> Attention:
    if config.attn_logit_softcap is None:
        return kernels.attention
    capped, cap = kernels.capped_attention, config.attn_logit_softcap
    return lambda query, key, value, mask: capped(query, key, value, mask, cap)


class Block(nn.Module):
    """Attention and a feed-forward part, each behind a norm and added to the residual stream.

    ```
    x ──┬──────────────────────────⊕──┬─────────────────────────────⊕──▶
        └─ norm ─ self-attention ──┘  └─ norm ─ feed-forward (SwiGLU) ─┘
    ```

    Formula: h = x + attention(norm(x));  y = h + feed_forward(norm(h))

    Why it works:
        The stream runs from the embedding to the head without a bend, so a gradient reaches every block directly,
        however deep the model. A block only adds a correction; with its output weights at zero it is the identity,
        which is how it starts. The norms stand on the branches, not on the stream: that is what lets deep models
        train without a long warm-up. Some designs put a norm behind each part (OLMo 2), or before and behind
        (Gemma 3): then no part can add more than a vector of a known size.

    Args:
        config: the shape and the design.
        kernels: the functions that compute it.

    Spec: layers.block
    Source: He et al. 2015 (residual stream), arXiv:1512.03385; Xiong et al. 2020 (norm first), arXiv:2002.04745.
    """

    def __init__(self, config: ModelConfig, kernels: Kernels = EAGER) -> None:
        super().__init__()
        before, after = config.design.placement != "after", config.design.placement != "before"
        self.attention_norm = _norm(config, kernels, before)
        self.attention = SelfAttention(config, kernels)
        self.attention_output_norm = _norm(config, kernels, after)
        self.feed_forward_norm = _norm(config, kernels, before)
        self.feed_forward = _feed_forward(config, kernels)
        self.feed_forward_output_norm = _norm(config, kernels, after)

    def forward(
        self,
        x: Float[Tensor, "batch position d_model"],
        rotation: Rotation | None,
        mask: Bool[Tensor, "*#batch query_position key_position"] | None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Add what the positions gather from each other, then what each works out."""
        gathered = self.attention(self.attention_norm(x), rotation, mask, cache)
        x = x + self.attention_output_norm(gathered)
        worked_out = self.feed_forward(self.feed_forward_norm(x))
        y: Tensor = x + self.feed_forward_output_norm(worked_out)
        return y


def _norm(config: ModelConfig, kernels: Kernels, present: bool) -> nn.Module:
    return kernels.norm_of(config.design.norm, config.d_model, config.norm_eps) if present else nn.Identity()


def _feed_forward(config: ModelConfig, kernels: Kernels) -> nn.Module:
    if config.experts is None:
        return kernels.feed_forward_of(config.design.feed_forward, config.d_model, config.d_ff)
    experts = config.experts
    return MixtureOfExperts(
        config.d_model, experts.d_expert, experts.count, experts.per_token, normalise=experts.normalised
    )
