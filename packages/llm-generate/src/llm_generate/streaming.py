"""Text out as it comes: never half a character, never a piece of a stop string.

```
prompt ──▶ ids ──▶ generate ──▶ ids ──▶ IncrementalDecoder ──▶ StopStrings ──▶ text
```
"""

from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from llm_generate.decoding import generate
from llm_generate.interface import FinishReason, Generated, GenerateError, Generator, Sampler
from llm_generate.stopping import StopStrings
from llm_layers.interface import LanguageModel
from llm_tokenizer.interface import Tokenizer
from llm_tokenizer.streaming import IncrementalDecoder


class TextStream:
    """The text of one request, piece by piece; afterwards `finish_reason` is set.

    `token_ids` are the ids that were made so far; those that only spell a stop string are among them.
    """

    def __init__(self, ids: Generated, tokenizer: Tokenizer, stop: StopStrings) -> None:
        """Wrap a generation of ids."""
        self._ids = ids
        self._decoder = IncrementalDecoder(tokenizer, continued=True)
        self._stop = stop
        self._pieces = self._text()
        self.token_ids: list[int] = []
        self.finish_reason: FinishReason | None = None

    def __iter__(self) -> "TextStream":
        """Itself."""
        return self

    def __next__(self) -> str:
        """The next piece of text, never empty."""
        return next(self._pieces)

    def _text(self) -> Iterator[str]:
        for token in self._ids:
            self.token_ids.append(token)
            yield from self._shown(self._decoder.feed(token))
            if self._stop.found is not None:
                self.finish_reason = "stop"
                return
        # The end may complete a stop string too: half a character becomes U+FFFD only here.
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
    prompt: str,
    *,
    sampler: Sampler,
    max_tokens: int,
    stop: Sequence[str] = (),
    stop_ids: Collection[int] = (),
    start_ids: Sequence[int] = (),
    generator: torch.Generator | None = None,
    decode: Generator | None = None,
) -> TextStream:
    """Continue a prompt, and give the text as it comes.

    Why it works:
        A token is a piece of bytes, not of text: one emoji can lie in four tokens. The decoder holds unfinished
        characters back, and the stop strings hold back what may be the beginning of one of them. All pieces joined
        are exactly the text that decoding all ids at once gives, up to the first stop string.

    Args:
        model: Anything that honours `LanguageModel`.
        tokenizer: The one the model was trained with; it may know fewer ids than the model, never more.
        prompt: Plain text. The name of a special token in it is plain characters too.
        sampler: Chooses the next id.
        max_tokens: The most ids to make.
        stop: Strings that end the text and are not shown.
        stop_ids: Ids that end the text.
        start_ids: What an empty prompt begins with, for instance the end-of-text id that parts the documents of the
            training text; without any, an empty prompt is refused.
        generator: This request's random numbers.
        decode: The decode loop; None is `generate`.

    Raises:
        GenerateError: The prompt, a stop string or a number is not as above; raised at once, before the first piece.
        TokenizerError: The tokenizer cannot encode the prompt.
    """
    if tokenizer.vocab_size > model.vocab_size:
        raise GenerateError(
            f"the tokenizer has {tokenizer.vocab_size} ids and the model only {model.vocab_size}: "
            "take the tokenizer that the model was trained with."
        )
    stop_strings = StopStrings(stop)
    prompt_ids = tokenizer.encode(prompt) if prompt else list(start_ids)
    if not prompt_ids:
        raise GenerateError(
            "the prompt is empty and this model has no token that begins a text: give it at least one character."
        )

    def known_only(logits: Float[Tensor, "vocab"], generator: torch.Generator | None) -> int:
        """A vocabulary padded to a round number has rows that no token belongs to; they cannot be drawn."""
        return sampler(logits[: tokenizer.vocab_size], generator)

    decode = generate if decode is None else decode
    ids = decode(model, prompt_ids, sampler=known_only, max_tokens=max_tokens, stop_ids=stop_ids, generator=generator)
    return TextStream(ids, tokenizer, stop_strings)
