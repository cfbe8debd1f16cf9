"""What the other packages may ask of a language model, and nothing more.

Training and generation are written against these Protocols, not against `Decoder`: any model that answers to them
works in the trainer and the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from llm_tokenizer.interface import UserError

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


@runtime_checkable
class Cache(Protocol):
    """The keys and values of the positions that a model has already read."""

    @property
    def length(self) -> int:
        """How many positions are held."""

    def truncate(self, length: int) -> None:
        """Forget every position from `length` on."""


@runtime_checkable
class LanguageModel(Protocol):
    """Tokens (and a cache of what came before) in, one row of logits per position out."""

    @property
    def vocab_size(self) -> int:
        """How many different ids there are: ids lie between 0 and `vocab_size - 1`."""

    @property
    def context_length(self) -> int:
        """How many positions the model can look at, cached ones included."""

    def __call__(
        self, tokens: Int[Tensor, "batch position"], cache: Cache | None = None
    ) -> Float[Tensor, "batch position vocab"]:
        """Return the logits for the token that follows each position."""

    def new_cache(self) -> Cache:
        """Return an empty cache for one generation."""


class LayersError(UserError):
    """An error that a user can fix: the message says what it must be, what it was and what to do."""
