"""Self-attention as it stands in a model: heads, norms, positions, cache."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from llm_layers.attention import Attention, attention
from llm_layers.cache import LayerCache
from llm_layers.norm import RMSNorm
from llm_layers.position import Rotation, rotate


class SelfAttention(nn.Module):
    """Grouped-query self-attention with per-head query and key norms and rotary positions.

    Why it works:
        Several heads look for several things at once. Groups of query heads share one key/value head, which makes the
        cache smaller by the size of a group at hardly any loss. Queries and keys are normalised per head, before
        they are turned, so that no score can run away during training.

    Spec: layers.block
    Source: Ainslie et al. 2023 (grouped queries), arXiv:2305.13245; Henry et al. 2020 (head norms), arXiv:2010.04245.
    """

    def __init__(
        self, d_model: int, heads: int, kv_heads: int, d_head: int, eps: float, attend: Attention = attention
    ) -> None:
        super().__init__()
        self.kv_heads, self.group, self.d_head = kv_heads, heads // kv_heads, d_head
        self.query = nn.Linear(d_model, heads * d_head, bias=False)
        self.key = nn.Linear(d_model, kv_heads * d_head, bias=False)
        self.value = nn.Linear(d_model, kv_heads * d_head, bias=False)
        self.query_norm = RMSNorm(d_head, eps)
        self.key_norm = RMSNorm(d_head, eps)
        self.output = nn.Linear(heads * d_head, d_model, bias=False)
        self.attend = attend

    def forward(
        self,
        x: Float[Tensor, "batch position d_model"],
        rotation: Rotation,
        mask: Bool[Tensor, "*#batch query_position key_position"] | None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Let every position of x gather from the positions that `mask` lets it see."""
        query = self.query_norm(self._split(self.query(x)))  # batch kv_heads*group position d_head
        key = self.key_norm(self._split(self.key(x)))  # batch kv_heads position d_head
        value = self._split(self.value(x))
        query, key = rotate(query, rotation), rotate(key, rotation)
        if cache is not None:
            key, value = cache.append(key, value)
        batch, _, length, d_head = query.shape
        # Neighbouring query heads share a key head: (batch, kv_heads, group, position, d_head)
        grouped = query.reshape(batch, self.kv_heads, self.group, length, d_head)
        y = self.attend(grouped, key[:, :, None], value[:, :, None], mask)
        merged: Tensor = self.output(y.flatten(1, 2).transpose(1, 2).flatten(2))
        return merged

    def _split(self, x: Float[Tensor, "batch position _"]) -> Float[Tensor, "batch heads position d_head"]:
        return x.reshape(*x.shape[:2], x.shape[2] // self.d_head, self.d_head).transpose(1, 2)
