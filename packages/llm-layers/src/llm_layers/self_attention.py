"""Self-attention as it stands in a model: heads, norms, positions, cache."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from llm_layers.attention import Attention
from llm_layers.cache import LayerCache
from llm_layers.config import ModelConfig
from llm_layers.kernels import CLEAR, Kernels
from llm_layers.linear import Linear
from llm_layers.rotary import Rotation


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

    def __init__(self, config: ModelConfig, kernels: Kernels = CLEAR) -> None:
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
        self.stretch = 1.0 if config.score_width is None else (d_head / config.score_width) ** 0.5
        self.attend = _attention(config, kernels)
        self.rotate, self.linears = kernels.rotate, kernels.linears

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
        if self.linears is None or not all(type(one) is Linear for one in maps):
            return tuple(one(x) for one in maps)  # a map with a correction or with codes multiplies by itself
        return self.linears(x, [one.weight for one in maps], [one.bias for one in maps])

    def _split(self, x: Float[Tensor, "batch position _"]) -> Float[Tensor, "batch heads position d_head"]:
        return x.reshape(*x.shape[:2], x.shape[2] // self.d_head, self.d_head).transpose(1, 2)


def _query_key_norm(config: ModelConfig, kernels: Kernels, heads: int) -> nn.Module:
    kind = config.design.query_key_norm
    if kind == "none":
        return nn.Identity()
    return kernels.norm_of(config.design.norm, config.d_head * (heads if kind == "width" else 1), config.norm_eps)


def _attention(config: ModelConfig, kernels: Kernels) -> Attention:
    if config.score_cap is None:
        return kernels.attention
    capped, cap = kernels.capped_attention, config.score_cap
    return lambda query, key, value, mask: capped(query, key, value, mask, cap)
