"""The decoder: embedding, blocks, a final norm and the head."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from llm_layers.block import Block
from llm_layers.config import ModelConfig
from llm_layers.interface import LayersError
from llm_layers.kernels import EAGER, Kernels
from llm_layers.layers.attention import soft_cap
from llm_layers.layers.dropout import Dropout
from llm_layers.layers.embedding import Embedding, tied_head
from llm_layers.layers.initialization import initialize
from llm_layers.layers.kv_cache import GrowingCache, KeyValueCache, SlidingCache
from llm_layers.layers.linear import Linear
from llm_layers.layers.lora import refuse_lost_adapters
from llm_layers.layers.mask import causal_mask, document_mask, sliding_window_mask
from llm_layers.layers.position import LearnedPositions
from llm_layers.layers.rotary import Rotation, rotary_angles


class Decoder(nn.Module):
    """A causal language model: the shape and the arithmetic of Qwen3, or of another family by its `design`.

    Why it works:
        Every position holds a vector, at first only its own token. Block by block it collects what earlier positions
        know and works on it, until the vector points at what comes next; the head compares it with one direction per
        token. All positions of a text are predicted at once, so one text of n tokens is n lessons.

    Args:
        config: the shape and the design.
        kernels: the functions that compute it: `EAGER`, `FUSED` or `FAST`. All compute the same values up to rounding.
        generator: source of the initial weights; None takes torch's global one.
        dropout: the probability that an element of the embedding, or of what a part of a block writes, is zeroed in
            training.

    Spec: layers.decoder
    Source: Vaswani et al. 2017, arXiv:1706.03762; Qwen Team 2025, "Qwen3 Technical Report", arXiv:2505.09388.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        kernels: Kernels = EAGER,
        generator: torch.Generator | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.config, self.kernels = config, kernels
        self.embedding = Embedding(config.vocab_size, config.d_model)
        learned = config.design.positions == "learned"
        self.positions = LearnedPositions(config.context_length, config.d_model) if learned else None
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(config, kernels, dropout=dropout, index=index) for index in range(config.layers)
        )
        self.final_norm = kernels.norm_of(config.design.norm, config.d_model, config.norm_eps)
        self.head = None if config.tied_embeddings else Linear(config.d_model, config.vocab_size, kernel=kernels.linear)
        initialize(self, generator)
        self.register_load_state_dict_post_hook(refuse_lost_adapters)  # type: ignore[no-untyped-call]

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
        """The weight of the output head: the embedding table itself when the two are tied.

        Raises:
            LayersError: in a model with final_logit_softcap, whose logits are more than a product with a weight.
        """
        if self.config.final_logit_softcap is not None:
            raise LayersError(
                "a model with final_logit_softcap has no head that is a weight alone: call the model for its logits"
            )
        return self.embedding.table if self.head is None else self.head.weight

    def new_cache(self) -> KeyValueCache:
        """Return an empty cache for one generation; a block with a window keeps no more than its window."""
        windows = [self.config.window_of(layer) for layer in range(self.config.layers)]
        return KeyValueCache([GrowingCache() if window is None else SlidingCache(window) for window in windows])

    def forward(
        self,
        tokens: Int[Tensor, "batch position"],
        cache: KeyValueCache | None = None,
        *,
        documents: Int[Tensor, "batch position"] | None = None,
        row_keys: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch position vocab"]:
        """Return the logits for the token that follows each position.

        Args:
            tokens: ids; with a cache only the new ones.
            cache: filled with the new positions; None reads `tokens` from position 0.
            documents: the number of the document of each token, where a row holds several: no token sees another
                document. Learned positions count on across the border. Not with a cache.
            row_keys: one per row, what dropout draws from in training; None takes torch's global generator.

        Raises:
            LayersError: when `tokens` is not such a tensor, an id is not in the vocabulary, or the text is longer than
                the context.
        """
        states = self.hidden(tokens, cache, documents=documents, row_keys=row_keys)
        table = self.embedding.table
        logits = tied_head(states, table, self.kernels.linear) if self.head is None else self.head(states)
        cap = self.config.final_logit_softcap
        return logits if cap is None else soft_cap(logits, cap)

    def hidden(
        self,
        tokens: Int[Tensor, "batch position"],
        cache: KeyValueCache | None = None,
        *,
        documents: Int[Tensor, "batch position"] | None = None,
        row_keys: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch position d_model"]:
        """Return the normalized states before the head, for a loss that need not hold all logits at once.

        The arguments are those of `forward`.
        """
        _check_ids(tokens)
        if documents is not None and cache is not None:
            raise LayersError(
                "documents must be None with a cache, whose positions belong to one text: use one of them"
            )
        if cache is not None and len(cache.layers) != self.config.layers:
            raise LayersError(
                f"cache must have one layer for each of the {self.config.layers} blocks of the model, but has "
                f"{len(cache.layers)}: make it with new_cache()"
            )
        start = 0 if cache is None else cache.length
        end = start + tokens.shape[1]
        if end > self.config.context_length:
            raise LayersError(
                f"tokens must fit into the context of {self.config.context_length} positions, but reach position "
                f"{end}: shorten the text or use a model with a larger context_length"
            )
        positions = torch.arange(start, end, device=tokens.device)
        x = self.dropout(self.embed(tokens, positions), row_keys)
        borders = None if documents is None else document_mask(documents, documents)
        # Shared by blocks that are alike.
        views: dict[tuple[int | None, int], tuple[Rotation | None, Tensor | None]] = {}
        # Without a cache no `if` depends on the length of the text, so that one recorded run holds for any length.
        single = cache is not None and len(positions) == 1
        for index, block in enumerate(self.blocks):
            layer = None if cache is None else cache.layers[index]
            window = self.config.window_of(index)
            first = 0 if layer is None else layer.positions.start
            if (window, first) not in views:
                # A single new token may see everything that is cached.
                every = single and (window is None or end - first <= window)
                mask = None if every else self._mask(positions, first, end, window)
                mask = mask if borders is None or mask is None else mask & borders
                views[window, first] = self._rotation(positions, window, x.dtype), mask
            rotation, mask = views[window, first]
            x = block(x, rotation, mask, layer, row_keys)
        states: Tensor = self.final_norm(x)
        return states

    def embed(
        self, tokens: Int[Tensor, "batch position"], positions: Int[Tensor, " position"]
    ) -> Float[Tensor, "batch position d_model"]:
        """Return the stream as it enters the first block."""
        x: Tensor = self.embedding(tokens)
        if self.config.design.scaled_embedding:
            x = x * torch.tensor(self.config.d_model**0.5, dtype=x.dtype, device=x.device)
        return x if self.positions is None else self.positions(x, positions)

    def _rotation(self, positions: Int[Tensor, " position"], window: int | None, dtype: torch.dtype) -> Rotation | None:
        config = self.config
        if self.positions is not None:
            return None
        if window is not None and config.local_rope_base is not None:
            return rotary_angles(positions, config.d_head, config.local_rope_base, dtype)
        return rotary_angles(positions, config.d_head, config.rope_base, dtype, config.rope_scaling)

    @staticmethod
    def _mask(
        positions: Int[Tensor, " position"], first: int, end: int, window: int | None
    ) -> Bool[Tensor, "query_position key_position"]:
        """Return who sees whom, with keys from position `first` up to `end`."""
        keys = torch.arange(first, end, device=positions.device)
        return causal_mask(positions, keys) if window is None else sliding_window_mask(positions, keys, window)


def _check_ids(tokens: object) -> None:
    """Refuse what would fail later with an error about something else; a compiler settles this once."""
    if isinstance(tokens, Tensor) and tokens.dim() == 2 and tokens.dtype in (torch.int64, torch.int32):
        return
    was = f"{tokens.dtype} of shape {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else type(tokens).__name__
    raise LayersError(
        f"tokens must be an integer tensor of shape (batch, position), but was {was}: "
        "pass one text as torch.tensor([[1, 2, 3]])"
    )
