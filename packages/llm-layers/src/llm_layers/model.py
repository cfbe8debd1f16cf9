"""The decoder: embedding, blocks, a last norm and the head."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.attention import Attention, attention, causal_mask
from llm_layers.block import Block
from llm_layers.cache import KeyValueCache
from llm_layers.config import ModelConfig
from llm_layers.embedding import Embedding
from llm_layers.errors import LayersError
from llm_layers.initialization import initialize
from llm_layers.norm import RMSNorm
from llm_layers.position import rotary_angles


class Decoder(nn.Module):
    """A causal language model with the shape and the arithmetic of Qwen3.

    Why it works:
        Every position holds a vector, at first only its own token. Block by block it collects what earlier positions
        know and works on it, until the vector points at what comes next; the head compares it with one direction per
        token. All positions of a text are answered at once, so one text of n tokens is n lessons.

    Args:
        config: the shape.
        attend: the attention kernel, `attention` or `fused_attention`; both give the same numbers.
        generator: source of the start values; None takes torch's global one.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Qwen Team 2025, "Qwen3 Technical Report", arXiv:2505.09388.
    """

    def __init__(
        self, config: ModelConfig, *, attend: Attention = attention, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(Block(config, attend) for _ in range(config.layers))
        self.final_norm = RMSNorm(config.d_model, config.norm_eps)
        self.head = None if config.tied_embeddings else nn.Linear(config.d_model, config.vocab_size, bias=False)
        initialize(self, generator)

    @property
    def vocab_size(self) -> int:
        """How many different ids there are."""
        return self.config.vocab_size

    @property
    def context_length(self) -> int:
        """How many positions the model can look at, cached ones included."""
        return self.config.context_length

    @property
    def head_weight(self) -> Float[Tensor, "vocab d_model"]:
        """The weight of the output head: the embedding table itself when the two are tied."""
        return self.embedding.table if self.head is None else self.head.weight

    def new_cache(self) -> KeyValueCache:
        """Give an empty cache for one generation."""
        return KeyValueCache(self.config.layers)

    def forward(
        self, tokens: Int[Tensor, "batch position"], cache: KeyValueCache | None = None
    ) -> Float[Tensor, "batch position vocab"]:
        """Give the logits for the token that follows each position.

        Args:
            tokens: ids; with a cache only the new ones.
            cache: filled with the new positions; None reads `tokens` from position 0.

        Raises:
            LayersError: when an id is not in the vocabulary or the text is longer than the context.
        """
        return F.linear(self.hidden(tokens, cache), self.head_weight)

    def hidden(
        self, tokens: Int[Tensor, "batch position"], cache: KeyValueCache | None = None
    ) -> Float[Tensor, "batch position d_model"]:
        """Give the normalised states before the head, for a loss that need not hold all logits at once."""
        start = 0 if cache is None else cache.length
        end = start + tokens.shape[1]
        if end > self.config.context_length:
            raise LayersError(
                f"tokens must fit into the context of {self.config.context_length} positions, but reach position "
                f"{end}: shorten the text or use a model with a larger context_length"
            )
        x = self.embedding(tokens)
        positions = torch.arange(start, end, device=tokens.device)
        rotation = rotary_angles(positions, self.config.d_head, self.config.rope_base, x.dtype)
        # A single new token may see everything that is cached: no mask is needed.
        mask = None if len(positions) == 1 else causal_mask(positions, torch.arange(end, device=tokens.device))
        for index, block in enumerate(self.blocks):
            x = block(x, rotation, mask, None if cache is None else cache.layers[index])
        states: Tensor = self.final_norm(x)
        return states
