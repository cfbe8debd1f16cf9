"""What a sampler or a decode loop of your own must offer to work here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from llm_tokenizer.interface import UserError

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

    from llm_layers.interface import LanguageModel


FinishReason = Literal["stop", "length", "context"]
"""Why a text ended: a stop id or stop string came, `max_tokens` were made, or the context is full."""


class Sampler(Protocol):
    """Chooses the next token."""

    def __call__(self, logits: Float[Tensor, "vocab"], generator: torch.Generator | None) -> int:
        """Return the id of the next token; every random number comes from `generator`."""
        ...


class TokenStream(Protocol):
    """The new ids of one request, one by one."""

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why it ended; None until it has."""
        ...

    def __iter__(self) -> Iterator[int]: ...

    def __next__(self) -> int: ...


class DecodeLoop(Protocol):
    """A way to continue a prompt: our `generate` is one, speculative or constrained decoding would be others."""

    def __call__(
        self,
        model: LanguageModel,
        prompt_ids: Sequence[int],
        *,
        sampler: Sampler,
        max_tokens: int,
        stop_ids: Collection[int] = (),
        generator: torch.Generator | None = None,
    ) -> TokenStream:
        """Start to continue `prompt_ids`; each id is made when it is requested."""
        ...


class GenerateError(UserError):
    """A setting, a prompt or a model folder is not what it must be; the message says what to do."""
