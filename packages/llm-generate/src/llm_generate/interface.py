"""What other people's samplers and decode loops must honour to work here."""

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
"""Why a generation ended: a stop id or stop string came, `max_tokens` were made, or the context is full."""


class Sampler(Protocol):
    """Chooses the next token."""

    def __call__(self, logits: Float[Tensor, "vocab"], generator: torch.Generator | None) -> int:
        """The id of the next token; every random number comes from `generator`."""
        ...


class Generated(Protocol):
    """The new ids of one request, one by one."""

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why it ended; None until it has."""
        ...

    def __iter__(self) -> Iterator[int]:
        """Itself."""
        ...

    def __next__(self) -> int:
        """The next id."""
        ...


class Generator(Protocol):
    """A way to continue a prompt: our `generate` is one, a speculative or a constrained one would be others."""

    def __call__(
        self,
        model: LanguageModel,
        prompt_ids: Sequence[int],
        *,
        sampler: Sampler,
        max_tokens: int,
        stop_ids: Collection[int] = (),
        generator: torch.Generator | None = None,
    ) -> Generated:
        """Begin to continue `prompt_ids`; every id is made when it is asked for."""
        ...


class GenerateError(UserError):
    """A setting, a prompt or a model folder is not what it must be; the message says what to do."""
