"""The decode loop: read the prompt at once, then make one token at a time.

```
prompt ids ──▶ model ──▶ logits ──▶ sampler ──▶ id ──▶ out
                 ▲  cache: keys and values of all tokens so far
                 └──────────── the new id alone ◀───┘
```
"""

from collections.abc import Collection, Generator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from llm_generate.interface import FinishReason, GenerateError, Sampler
from llm_generate.sampling import request_generator
from llm_generate.settings import check_max_tokens
from llm_layers.interface import Cache, LanguageModel

PROMPT_CHUNK = 512
"""Positions of a prompt that are read at once."""


class Generation:
    """The new ids of one request, each made when it is requested; afterwards `finish_reason` is set."""

    def __init__(self, ids: Generator[int, None, FinishReason]) -> None:
        """Wrap a generator of ids that returns why it ended."""
        self._ids = ids
        self.finish_reason: FinishReason | None = None

    def __iter__(self) -> "Generation":
        return self

    def __next__(self) -> int:
        try:
            return next(self._ids)
        except StopIteration as end:
            self.finish_reason = self.finish_reason or end.value
            raise


def generate(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    *,
    sampler: Sampler,
    max_tokens: int,
    stop_ids: Collection[int] = (),
    generator: torch.Generator | None = None,
) -> Generation:
    """Continue a prompt, token by token.

    Why it works:
        A language model says how likely each token is to come next. Choose one, append it, ask again. What a token
        contributes to later ones (its keys and values) never changes, so it is kept in the cache, and every step
        reads the one new token instead of the whole text again.

    It ends with the reason `"stop"` when one of `stop_ids` is chosen (that id is not returned),
    `"length"` after `max_tokens`, and `"context"` when prompt and answer fill the model's context.
    A full context is not shifted: the cached keys depend on the positions they were read at, so most of the text
    would have to be read again, and its beginning would be forgotten without a word. The loop stops and says so.

    Args:
        model: Anything that implements `LanguageModel`.
        prompt_ids: At least one id, and fewer than the model's context holds.
        sampler: Chooses an id from the logits of the last position.
        max_tokens: The most ids to make, at least 1.
        stop_ids: Ids that end the text, for instance the end-of-text token.
        generator: The random numbers of this request; None begins new ones at the seed in the sampler's settings.

    Returns:
        An iterator of ids that has a `finish_reason`.

    Raises:
        GenerateError: The prompt or `max_tokens` is not as above; raised at once, before the first id.
    """
    prompt = [int(token) for token in prompt_ids]
    check_prompt(prompt, vocab_size=model.vocab_size, context_length=model.context_length)
    check_max_tokens(max_tokens)
    generator = request_generator(sampler, generator)
    return Generation(_loop(model, prompt, sampler, max_tokens, frozenset(stop_ids), generator))


def check_prompt(prompt: Sequence[int], *, vocab_size: int, context_length: int) -> None:
    """Raise if a prompt is empty, too long, or holds an id that the model does not know."""
    if not prompt:
        raise GenerateError("the prompt is empty, and the model needs at least one token to continue.")
    if len(prompt) >= context_length:
        raise GenerateError(
            f"the prompt is {len(prompt)} tokens long, and must be shorter than the model's context of "
            f"{context_length}, which holds prompt and answer together: shorten the prompt."
        )
    unknown = [token for token in prompt if not 0 <= token < vocab_size]
    if unknown:
        raise GenerateError(
            f"the prompt holds the id {unknown[0]}, and the model knows only 0 to {vocab_size - 1}: "
            "use the tokenizer that the model was trained with."
        )


def _loop(
    model: LanguageModel,
    prompt: list[int],
    sampler: Sampler,
    max_tokens: int,
    stop_ids: frozenset[int],
    generator: torch.Generator,
) -> Generator[int, None, FinishReason]:
    cache, device = model.new_cache(), _device_of(model)
    room = model.context_length - len(prompt)
    unread = prompt
    for _ in range(min(max_tokens, room)):
        token = sampler(_next_logits(model, unread, cache, device), generator)
        if token in stop_ids:
            return "stop"
        yield token
        unread = [token]
    return "length" if max_tokens <= room else "context"


# The mode is on around the model only: if it were on across a `yield`, it would leak into the caller's own code.
@torch.inference_mode()
def _next_logits(model: LanguageModel, unread: list[int], cache: Cache, device: torch.device) -> Float[Tensor, "vocab"]:
    # A long prompt is read in chunks: only its last row of logits is needed, and all rows at once may not fit
    # into memory (8,000 positions of a vocabulary of 150,000 take 5 GB).
    for start in range(0, len(unread), PROMPT_CHUNK):
        logits = model(torch.tensor([unread[start : start + PROMPT_CHUNK]], device=device), cache)
    return logits[0, -1]


def _device_of(model: LanguageModel) -> torch.device:
    """Return the device of the weights; a foreign model without torch weights runs on the CPU."""
    first = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
    return torch.device("cpu") if first is None else first.device
