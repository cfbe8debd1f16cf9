"""Split a text into pre-tokens, before anything is merged.

A merge never crosses the edge of a pre-token, so the pattern decides what a token can be: "dog", "dog." and " dog"
would otherwise all become tokens of their own. Each pattern below is the published rule of a well-known model.
A tokenizer file names one of them; it can never bring a regular expression of its own to run.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import regex

from llm_tokenizer.interface import TokenizerError

# White space as Unicode defines it (Python's `re` adds four control characters, U+001C to U+001F). Listed character
# by character, because `re` finds a character in such a list faster than it finds its category.
_SPACES = r" \t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SPACE = f"[{_SPACES}]"
_OTHER = f"[^{_SPACES}]"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One way to split a text into pre-tokens.

    `split` matches one pre-token after the other. `chunk` matches longer chunks that end only where *every* text has
    an edge between pre-tokens: what `split` finds in a chunk is what it finds there in the whole text. Chunks are
    cheap to find and repeat often, so that a tokenizer can cache the ids of whole chunks.
    """

    name: str
    split: str
    chunk: str
    source: str

    @cached_property
    def pre_tokens(self) -> Callable[[str], list[str]]:
        """Return the pre-tokens of a text, in order; joined they are the text again.

        Why it works:
            The alternatives are tried from left to right at each place, and the last ones take any white space, the
            others anything else, so that no character is ever left out.

        Spec: tokenizer.split_text
        """
        find: Callable[[str], list[str]] = regex.compile(self.split).findall
        return find

    @cached_property
    def chunks(self) -> Callable[[str], list[str]]:
        """Return the chunks of a text, in order; joined they are the text again."""
        find: Callable[[str], list[str]] = re.compile(self.chunk).findall
        return find


# A non-space followed by a space is always an edge: no pattern here has a pre-token that continues into a space.
# (`*+` and `++` never backtrack. It would be useless here, and so its positions need not be stored.)
_WORD = f"{SPACE}*+{_OTHER}++"
_GPT2_CHUNK = f"{_WORD}|{SPACE}+"
# In the newer patterns line breaks belong to what comes before them, so a chunk reaches up to the last of them.
_LINES = f"{SPACE}*[\\r\\n]+"


def _word_and(tail: str) -> str:
    """Return an expression for a word and what may follow it, which a space and the next word never match.

    Mostly a space and a word do follow. The look ahead sees that at once, and everything becomes twice as fast.
    """
    return f"{_WORD}(?:(?= {_OTHER})|{tail})|{SPACE}+"


_LINES_CHUNK = _word_and(f"(?:{_LINES})?")

_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    r"|[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

PATTERNS = {
    pattern.name: pattern
    for pattern in (
        Pattern(
            name="gpt2",
            split=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            chunk=_GPT2_CHUNK,
            source="Radford et al. 2019, Language Models are Unsupervised Multitask Learners; its encoder.py",
        ),
        Pattern(
            name="cl100k",
            split=(
                r"'(?i:[sdmt]|ll|ve|re)"
                r"|[^\r\n\p{L}\p{N}]?+\p{L}++"
                r"|\p{N}{1,3}"
                r"| ?[^\s\p{L}\p{N}]++[\r\n]*+"
                r"|\s++$"  # as tiktoken has it since 2024: white space at the very end is one pre-token, lines and all
                r"|\s*[\r\n]"
                r"|\s+(?!\S)"
                r"|\s"
            ),
            chunk=_word_and(f"(?:{SPACE}+\\Z|{_LINES})?"),
            source="OpenAI, tiktoken: the encoding cl100k_base (GPT-3.5, GPT-4)",
        ),
        Pattern(
            name="o200k",
            split=(
                rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_ENDING}"
                rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_ENDING}"
                r"|\p{N}{1,3}"
                r"| ?[^\s\p{L}\p{N}]+[\r\n/]*"
                r"|\s*[\r\n]+"
                r"|\s+(?!\S)"
                r"|\s+"
            ),
            # Here a slash may follow the line breaks within one pre-token.
            chunk=_word_and(f"(?:[\\r\\n]+/{_OTHER}*)*(?:{_LINES})?"),
            source="OpenAI, tiktoken: the encoding o200k_base (GPT-4o)",
        ),
        Pattern(
            name="llama3",
            split=_LLAMA3,
            chunk=_LINES_CHUNK,
            source="Grattafiori et al. 2024, The Llama 3 Herd of Models; its tokenizer.json",
        ),
        Pattern(
            name="qwen2",
            split=_LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}"),
            chunk=_LINES_CHUNK,
            source="Yang et al. 2024, Qwen2 Technical Report; its tokenizer.json",
        ),
        Pattern(
            name="smollm",
            # GPT-2's, with every digit alone. White space before a digit ends there and is not cut once more.
            split=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
            chunk=_GPT2_CHUNK,
            source="Allal et al. 2025, SmolLM2; its tokenizer.json",
        ),
    )
}


def find_pattern(name: str) -> Pattern:
    """Return the pattern of that name; an unknown name is refused with the nearest known one."""
    if isinstance(name, str) and name in PATTERNS:
        return PATTERNS[name]
    nearest = difflib.get_close_matches(str(name).lower(), PATTERNS, n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise TokenizerError(f"pattern: must be one of {', '.join(PATTERNS)}, was {name!r}{hint}")
