"""One transformer block: attention, then feed-forward, each added to the residual stream."""

from functools import partial

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from llm_layers.config import ModelConfig
from llm_layers.kernels import EAGER, Kernels
from llm_layers.layers.attention import Attention, capped_attention
from llm_layers.layers.dropout import Dropout
from llm_layers.layers.kv_cache import LayerCache
from llm_layers.layers.linear import Linear
from llm_layers.layers.mixture_of_experts import MixtureOfExperts
from llm_layers.layers.multi_head_attention import grouped_query_attention, merge_heads, split_heads
from llm_layers.layers.norm import query_key_norm
from llm_layers.layers.residual import Part, branch_norm, pre_norm
from llm_layers.layers.rotary import Rotation


class SelfAttention(nn.Module):
    """Grouped-query self-attention, with normalized queries and keys and rotary positions where the design has them.

    Why it works:
        Several heads look for several things at once. Groups of query heads share one key/value head, which makes the
        cache smaller by the size of a group at hardly any loss. Queries and keys are normalized before they are
        rotated, so that no score can grow without limit during training.

    Args:
        config: the shape and the design.
        kernels: the functions that compute it.

    Spec: layers.block
    Source: Ainslie et al. 2023 (grouped queries), arXiv:2305.13245; Henry et al. 2020 (head norms), arXiv:2010.04245.
    """

    def __init__(self, config: ModelConfig, kernels: Kernels = EAGER) -> None:
        super().__init__()
        d_model, d_head, heads, kv_heads = config.d_model, config.d_head, config.heads, config.kv_heads
        self.heads, self.kv_heads = heads, kv_heads
        biased = config.design.biases != "none"
        self.query = Linear(d_model, heads * d_head, bias=biased, kernel=kernels.linear)
        self.key = Linear(d_model, kv_heads * d_head, bias=biased, kernel=kernels.linear)
        self.value = Linear(d_model, kv_heads * d_head, bias=biased, kernel=kernels.linear)
        self.norm_before_split = config.design.query_key_norm == "width"
        self.query_norm = _query_key_norm(config, kernels, heads)
        self.key_norm = _query_key_norm(config, kernels, kv_heads)
        self.output = Linear(heads * d_head, d_model, bias=config.design.biases == "all", kernel=kernels.linear)
        # Attention divides by √d_head; where the model wants another root, the queries are scaled beforehand.
        self.query_scale = (d_head / (config.query_pre_attn_scalar or d_head)) ** 0.5
        self.attend = _attention(config, kernels)
        self.rotary = kernels.rotary

    def forward(
        self,
        x: Float[Tensor, "batch position d_model"],
        rotation: Rotation | None,
        mask: Bool[Tensor, "*#batch query_position key_position"] | None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Let every position of x gather from the positions that `mask` lets it see."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        if self.norm_before_split:  # one norm over all heads
            query, key = self.query_norm(query), self.key_norm(key)
        query, key = split_heads(query, self.heads), split_heads(key, self.kv_heads)
        value = split_heads(value, self.kv_heads)
        if not self.norm_before_split:
            query, key = query_key_norm(query, key, self.query_norm, self.key_norm)
        if rotation is not None:
            query, key = self.rotary(query, rotation), self.rotary(key, rotation)
        if self.query_scale != 1.0:
            query = query * self.query_scale
        if cache is not None:
            key, value = cache.append(key, value)
        y: Tensor = self.output(merge_heads(grouped_query_attention(query, key, value, mask, self.attend)))
        return y


def _query_key_norm(config: ModelConfig, kernels: Kernels, heads: int) -> nn.Module:
    kind = config.design.query_key_norm
    if kind == "none":
        return nn.Identity()
    return kernels.norm_of(config.design.norm, config.d_head * (heads if kind == "width" else 1), config.norm_eps)


def _attention(config: ModelConfig, kernels: Kernels) -> Attention:
    if config.attn_logit_softcap is None:
        return kernels.attention
    return partial(capped_attention, cap=config.attn_logit_softcap)


class Block(nn.Module):
    """Attention and a feed-forward part, each after a norm and added to the residual stream.

    ```
    x ──┬──────────────────────────⊕──┬─────────────────────────────⊕──▶
        └─ norm ─ self-attention ──┘  └─ norm ─ feed-forward (SwiGLU) ─┘
    ```

    Formula: h = x + attention(norm(x));  y = h + feed_forward(norm(h))

    Why it works:
        The stream runs from the embedding to the head without a nonlinearity, so a gradient reaches every block
        directly, however deep the model. A block only adds a correction; with its output weights at zero it is the
        identity, which is how it starts. The norms are on the branches, not on the stream: that is what lets deep
        models train without a long warm-up. Some designs put a norm after each part (OLMo 2), or before and after
        (Gemma 3): then no part can add more than a vector of a known size.

    Args:
        config: the shape and the design.
        kernels: the functions that compute it.
        dropout: the probability that an element of what a part writes is zeroed in training.
        index: number of the block in its model, so that no two places draw the same dropout mask.

    Spec: layers.block
    Source: He et al. 2015 (residual stream), arXiv:1512.03385; Xiong et al. 2020 (norm first), arXiv:2002.04745.
    """

    def __init__(self, config: ModelConfig, kernels: Kernels = EAGER, *, dropout: float = 0.0, index: int = 0) -> None:
        super().__init__()
        before, after = config.design.placement != "after", config.design.placement != "before"
        self.attention_norm = _norm(config, kernels, before)
        self.attention = SelfAttention(config, kernels)
        self.attention_output_norm = _norm(config, kernels, after)
        self.feed_forward_norm = _norm(config, kernels, before)
        self.feed_forward = _feed_forward(config, kernels)
        self.feed_forward_output_norm = _norm(config, kernels, after)
        self.attention_dropout = Dropout(dropout, site=2 * index + 1)  # site 0 is the embedding
        self.feed_forward_dropout = Dropout(dropout, site=2 * index + 2)

    def forward(
        self,
        x: Float[Tensor, "batch position d_model"],
        rotation: Rotation | None,
        mask: Bool[Tensor, "*#batch query_position key_position"] | None,
        cache: LayerCache | None = None,
        row_keys: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Add the output of attention to the stream, then that of the feed-forward part."""

        def attention(x: Tensor) -> Tensor:
            y: Tensor = self.attention_dropout(self.attention(x, rotation, mask, cache), row_keys)
            return y

        def feed_forward(x: Tensor) -> Tensor:
            y: Tensor = self.feed_forward_dropout(self.feed_forward(x), row_keys)
            return y

        x = _add(x, self.attention_norm, attention, self.attention_output_norm)
        return _add(x, self.feed_forward_norm, feed_forward, self.feed_forward_output_norm)


def _add(x: Tensor, norm: Part | None, part: Part, output_norm: Part | None) -> Tensor:
    if output_norm is None:
        assert norm is not None, "each placement has a norm"
        return pre_norm(x, norm, part)
    if norm is None:
        return branch_norm(x, output_norm, part)
    return pre_norm(x, norm, lambda normed: output_norm(part(normed)))


def _norm(config: ModelConfig, kernels: Kernels, present: bool) -> nn.Module | None:
    return kernels.norm_of(config.design.norm, config.d_model, config.norm_eps) if present else None


def _feed_forward(config: ModelConfig, kernels: Kernels) -> nn.Module:
    experts, design = config.experts, config.design
    if experts is None:
        return kernels.feed_forward_of(design.feed_forward, config.d_model, config.d_ff, bias=design.biases == "all")
    shape = config.d_model, experts.d_expert, experts.count, experts.per_token
    return MixtureOfExperts(
        *shape, norm_topk_prob=experts.norm_topk_prob, kernel=kernels.linear, function=kernels.swiglu
    )
