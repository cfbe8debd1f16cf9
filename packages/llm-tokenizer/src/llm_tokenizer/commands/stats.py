"""The verb `stats`: how well a vocabulary fits a text, by compression, coverage, and what its tokens look like."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from llm_tokenizer.commands.options import add_encoding, allowed_special, load_named, print_json, text_blocks
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.token_display import flat_label
from llm_tokenizer.commands.wording import quantity
from llm_tokenizer.corpus.encode_stream import encode_blocks
from llm_tokenizer.interface import Tokenizer

EXAMPLES = """\
  llm-tokenizer stats shakespeare hamlet.txt
  llm-tokenizer stats gpt2/ plays.txt.gz --json
"""


def add_verb(parser: Parser) -> None:
    """Describe the verb and its options."""
    verb = parser.add_verb("stats", stats, "measure how well a vocabulary fits a text", EXAMPLES)
    add_encoding(verb)
    verb.add_argument("--json", action="store_true", help="print the figures as JSON")


def stats(options: argparse.Namespace) -> None:
    """Print compression and coverage of a text of any size."""
    tokenizer = load_named(options)
    measuring = Measuring(tokenizer)
    texts = measuring.counted(text_blocks(options))
    for ids in encode_blocks(tokenizer, texts, allowed_special=allowed_special(options)):
        measuring.add(ids)
    found = measuring.measures()
    if options.json:
        print_json(found.as_json())
    else:
        print(_in_words(found))


def _in_words(found: Measures) -> str:
    commonest = ", ".join(f"{flat_label(token)!r} {count:,}" for token, count in found.commonest)
    alone = found.bytes_alone / max(found.tokens, 1)
    lines = [
        f"text         {quantity(found.text_bytes, 'byte')}, {quantity(found.characters, 'character')}, "
        f"{quantity(found.words, 'word')}",
        f"tokens       {found.tokens:,}",
        f"compression  {found.bytes_per_token:.2f} bytes per token, {found.tokens_per_word:.2f} tokens per word",
        f"coverage     {found.used:,} of {found.vocab_size:,} ids are used ({found.coverage:.1%})",
        f"broken up    {alone:.1%} of the tokens are single bytes of a longer character",
        f"longest      {flat_label(found.longest)!r}",
        f"commonest    {commonest}",
    ]
    return "\n".join(lines if found.tokens else lines[:2])  # of no tokens there is nothing to say


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How well a vocabulary fits a text.

    Compression is `bytes_per_token`: how much of a text a model of some context length can see. Coverage is how many
    of the vocabulary's tokens the text uses at all; `bytes_alone` counts tokens of a single byte that is not an ASCII
    character, which is what a script looks like that the vocabulary was not trained on.
    """

    text_bytes: int
    characters: int
    words: int
    tokens: int
    vocab_size: int
    used: int
    bytes_alone: int
    longest: bytes
    commonest: tuple[tuple[bytes, int], ...]

    @property
    def bytes_per_token(self) -> float:
        """The compression; 0 for an empty text."""
        return self.text_bytes / self.tokens if self.tokens else 0.0

    @property
    def tokens_per_word(self) -> float:
        """How many tokens a word takes; words are separated by white space."""
        return self.tokens / self.words if self.words else 0.0

    @property
    def coverage(self) -> float:
        """The fraction of the vocabulary that the text uses."""
        return self.used / self.vocab_size

    def as_json(self) -> dict[str, Any]:
        """Return all figures; tokens as text, with U+FFFD where they are not text."""
        figures = asdict(self)
        figures["longest"] = self.longest.decode("utf-8", "replace")
        figures["commonest"] = [[token.decode("utf-8", "replace"), count] for token, count in self.commonest]
        ratios = ("bytes_per_token", "tokens_per_word", "coverage")
        return figures | {name: round(getattr(self, name), 4) for name in ratios}


class Measuring:
    """Counts a text and its ids while they pass, so that a text of any size can be measured."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._bytes = self._characters = self._words = 0
        self._within_a_word = False
        self._counts: Counter[int] = Counter()

    def counted(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield the same parts of a text, counted as they pass. A word may lie in two of them."""
        for text in texts:
            self._bytes += len(text.encode())
            self._characters += len(text)
            self._words += len(text.split()) - (self._within_a_word and not text[:1].isspace() and text != "")
            self._within_a_word = not text[-1:].isspace() if text else self._within_a_word
            yield text

    def add(self, ids: Iterable[int]) -> None:
        """Count some ids."""
        self._counts.update(ids)

    def measures(self) -> Measures:
        """Return the figures of all that has passed."""
        counts = self._counts
        tokens = {id: self._tokenizer.token_bytes(id) for id in counts}
        frequent = sorted(counts, key=lambda id: (-counts[id], id))[:10]
        return Measures(
            text_bytes=self._bytes,
            characters=self._characters,
            words=self._words,
            tokens=counts.total(),
            vocab_size=self._tokenizer.vocab_size,
            used=len(counts),
            bytes_alone=sum(counts[id] for id, token in tokens.items() if len(token) == 1 and token[0] >= 0x80),
            longest=max(tokens.values(), key=lambda token: (len(token), token), default=b""),
            commonest=tuple((tokens[id], counts[id]) for id in frequent),
        )


def measure_text(tokenizer: Tokenizer, text: str, ids: Iterable[int]) -> Measures:
    """Return the figures of a text and its ids."""
    measuring = Measuring(tokenizer)
    for _ in measuring.counted([text]):
        measuring.add(ids)
    return measuring.measures()
