"""One transformer block: look around, then think, and add both to the stream."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from llm_layers.attention import Attention, attention
from llm_layers.cache import LayerCache
from llm_layers.config import ModelConfig
from llm_layers.feed_forward import SwiGLU
from llm_layers.norm import RMSNorm
from llm_layers.position import Rotation
from llm_layers.self_attention import SelfAttention


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
        train without a long warm-up.

    Spec: layers.block
    Source: He et al. 2015 (residual stream), arXiv:1512.03385; Xiong et al. 2020 (norm first), arXiv:2002.04745.
    """

    def __init__(self, config: ModelConfig, attend: Attention = attention) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.d_model, config.norm_eps)
        self.attention = SelfAttention(
            config.d_model, config.heads, config.kv_heads, config.d_head, config.norm_eps, attend
        )
        self.feed_forward_norm = RMSNorm(config.d_model, config.norm_eps)
        self.feed_forward = SwiGLU(config.d_model, config.d_ff)

    def forward(
        self,
        x: Float[Tensor, "batch position d_model"],
        rotation: Rotation,
        mask: Bool[Tensor, "*#batch query_position key_position"] | None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Add what the positions gather from each other, then what each works out."""
        x = x + self.attention(self.attention_norm(x), rotation, mask, cache)
        y: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return y
