"""One transformer block: look around, then think, and add both to the stream."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from llm_layers.cache import LayerCache
from llm_layers.config import ModelConfig
from llm_layers.experts import MixtureOfExperts
from llm_layers.kernels import CLEAR, Kernels
from llm_layers.rotary import Rotation
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
        train without a long warm-up. Some designs put a norm behind each part (OLMo 2), or before and behind
        (Gemma 3): then no part can add more than a vector of a known size.

    Args:
        config: the shape and the design.
        kernels: the functions that compute it.

    Spec: layers.block
    Source: He et al. 2015 (residual stream), arXiv:1512.03385; Xiong et al. 2020 (norm first), arXiv:2002.04745.
    """

    def __init__(self, config: ModelConfig, kernels: Kernels = CLEAR) -> None:
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
