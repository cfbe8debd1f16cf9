"""Text as it is made: never half a character, never a part of a stop string.

```
prompt ──▶ ids ──▶ generate ──▶ ids ──▶ IncrementalDecoder ──▶ StopStrings ──▶ text
```
"""

from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from llm_generate.decoding import generate
from llm_generate.interface import DecodeLoop, FinishReason, GenerateError, Sampler, TokenStream
from llm_generate.sampling import request_generator
from llm_generate.stopping import StopStrings
from llm_layers.interface import LanguageModel
from llm_tokenizer.decoding import IncrementalDecoder
from llm_tokenizer.interface import Tokenizer


class TextStream:
    """The text of one request, in parts; afterwards `finish_reason` is set.

    `token_ids` are the ids that were made so far; those that only spell a stop string are among them.
    """

    def __init__(self, ids: TokenStream, tokenizer: Tokenizer, stop: StopStrings) -> None:
        """Wrap a stream of ids."""
        self._ids = ids
        self._decoder = IncrementalDecoder(tokenizer, continued=True)
        self._stop = stop
        self._parts = self._text()
        self.token_ids: list[int] = []
        self.finish_reason: FinishReason | None = None

    def __iter__(self) -> "TextStream":
        return self

    def __next__(self) -> str:
        """Return the next part of the text, never empty."""
        return next(self._parts)

    def _text(self) -> Iterator[str]:
        for token in self._ids:
            self.token_ids.append(token)
            yield from self._shown(self._decoder.feed(token))
            if self._stop.found is not None:
                self.finish_reason = "stop"
                return
        # The end can complete a stop string too: half a character becomes U+FFFD only here.
        yield from self._shown(self._decoder.finish())
        self.finish_reason = "stop" if self._stop.found is not None else self._ids.finish_reason
        if rest := self._stop.finish():
            yield rest

    def _shown(self, text: str) -> Iterator[str]:
        if shown := self._stop.feed(text):
            yield shown


def stream_text(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int],
    *,
    sampler: Sampler,
    max_tokens: int,
    stop: Sequence[str] = (),
    stop_ids: Collection[int] = (),
    start_ids: Sequence[int] = (),
    generator: torch.Generator | None = None,
    decode: DecodeLoop = generate,
) -> TextStream:
    """Continue a prompt, and yield the text as it is made.

    Why it works:
        A token is a sequence of bytes, not of characters: one emoji can take four tokens. The decoder holds back
        unfinished characters, and the stop strings hold back what could be the beginning of one of them. All parts
        joined are exactly the text of all ids decoded at once, up to the first stop string.

    Args:
        model: Anything that implements `LanguageModel`.
        tokenizer: The one the model was trained with; it may know fewer ids than the model, never more.
        prompt: Plain text, in which the name of a special token is plain text too; or ids, for example of a chat.
        sampler: Chooses the next id.
        max_tokens: The most ids to make.
        stop: Strings that end the text and are not shown.
        stop_ids: Ids that end the text.
        start_ids: What an empty prompt begins with, for instance the end-of-text id that separates the documents of
            the training text; without any, an empty prompt is refused.
        generator: The random numbers of this request; None begins new ones at the seed in the sampler's settings.
        decode: The decode loop.

    Raises:
        GenerateError: An argument is not as above; raised at once, before the first part.
        TokenizerError: The tokenizer cannot encode the prompt.
    """
    if tokenizer.vocab_size > model.vocab_size:
        raise GenerateError(
            f"the tokenizer has {tokenizer.vocab_size} ids and the model only {model.vocab_size}: "
            "use the tokenizer that the model was trained with."
        )
    stop_strings = StopStrings(stop)
    prompt_ids = encode_prompt(tokenizer, prompt) or list(start_ids)
    if not prompt_ids:
        raise GenerateError(
            "the prompt is empty and this model has no token that begins a text: give it at least one character."
        )

    def known_only(logits: Float[Tensor, "vocab"], generator: torch.Generator | None) -> int:
        """A vocabulary padded to a round number has rows without a token; they cannot be drawn."""
        return sampler(logits[: tokenizer.vocab_size], generator)

    generator = request_generator(sampler, generator)
    ids = decode(model, prompt_ids, sampler=known_only, max_tokens=max_tokens, stop_ids=stop_ids, generator=generator)
    return TextStream(ids, tokenizer, stop_strings)


def encode_prompt(tokenizer: Tokenizer, prompt: str | Sequence[int]) -> list[int]:
    """Return the ids of a prompt, with exactly one begin-of-text token in front if the tokenizer adds one.

    The model of such a tokenizer was trained on texts that begin with this token, and continues others badly.
    """
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) else [int(id) for id in prompt]
    begin = getattr(tokenizer, "bos_token_id", None) if getattr(tokenizer, "add_bos_token", False) else None
    return ids if begin is None or ids[:1] == [begin] else [begin, *ids]
