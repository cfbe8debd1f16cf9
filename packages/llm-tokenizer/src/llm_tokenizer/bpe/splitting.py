"""Where a text is cut into pieces before anything is merged.

A merge never crosses the edge of a piece, so the pattern decides what a token can be: "dog", "dog." and " dog" would
otherwise all become tokens of their own. Each pattern below is the published rule of a well-known model.
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

# White space as Unicode defines it (Python's `re` counts in four control characters, U+001C to U+001F). Said character
# by character, because `re` looks a character up in such a list sooner than it asks what kind it is of.
_SPACES = r" \t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACE = f"[{_SPACES}]"
_OTHER = f"[^{_SPACES}]"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One way to cut a text into pieces.

    `split` matches one piece after the other. `stretch` matches longer stretches that end only where *every* text has
    an edge between pieces: what `split` finds in a stretch is what it finds there in the whole text. Stretches are
    cheap to find and repeat often, so that a tokenizer can remember the ids of whole stretches.
    """

    name: str
    split: str
    stretch: str
    source: str

    @cached_property
    def pieces(self) -> Callable[[str], list[str]]:
        """The pieces of a text, in order; joined they are the text again.

        Why it works:
            The alternatives are tried from left to right at each place, and the last ones take any white space, the
            others anything else, so that no character is ever left out.

        Spec: tokenizer.split_text
        """
        find: Callable[[str], list[str]] = regex.compile(self.split).findall
        return find

    @cached_property
    def stretches(self) -> Callable[[str], list[str]]:
        """The stretches of a text, in order; joined they are the text again."""
        find: Callable[[str], list[str]] = re.compile(self.stretch).findall
        return find


# A non-space followed by a space is always an edge: no pattern here has a piece that goes on into a blank.
# (`*+` and `++` never give back what they took. Nothing could come of it here, and so it need not be noted down.)
_WORD = f"{_SPACE}*+{_OTHER}++"
_GPT2_STRETCH = f"{_WORD}|{_SPACE}+"
# In the newer patterns line breaks belong to what stands before them, so a stretch reaches up to the last of them.
_LINES = f"{_SPACE}*[\\r\\n]+"


def _word_and(tail: str) -> str:
    """Stretches of a word and what may follow it, which a blank and the next word never match.

    Those follow mostly. The look ahead sees that at once, and all of it becomes quicker by half.
    """
    return f"{_WORD}(?:(?= {_OTHER})|{tail})|{_SPACE}+"


_LINES_STRETCH = _word_and(f"(?:{_LINES})?")

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
            stretch=_GPT2_STRETCH,
            source="Radford et al. 2019, Language Models are Unsupervised Multitask Learners; its encoder.py",
        ),
        Pattern(
            name="cl100k",
            split=(
                r"'(?i:[sdmt]|ll|ve|re)"
                r"|[^\r\n\p{L}\p{N}]?+\p{L}++"
                r"|\p{N}{1,3}"
                r"| ?[^\s\p{L}\p{N}]++[\r\n]*+"
                r"|\s++$"  # as tiktoken has it since 2024: white space at the very end is one piece, lines and all
                r"|\s*[\r\n]"
                r"|\s+(?!\S)"
                r"|\s"
            ),
            stretch=_word_and(f"(?:{_SPACE}+\\Z|{_LINES})?"),
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
            # Here a slash may follow the line breaks within one piece.
            stretch=_word_and(f"(?:[\\r\\n]+/{_OTHER}*)*(?:{_LINES})?"),
            source="OpenAI, tiktoken: the encoding o200k_base (GPT-4o)",
        ),
        Pattern(
            name="llama3",
            split=_LLAMA3,
            stretch=_LINES_STRETCH,
            source="Grattafiori et al. 2024, The Llama 3 Herd of Models; its tokenizer.json",
        ),
        Pattern(
            name="qwen2",
            split=_LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}"),
            stretch=_LINES_STRETCH,
            source="Yang et al. 2024, Qwen2 Technical Report; its tokenizer.json",
        ),
        Pattern(
            name="smollm",
            # GPT-2's, with every digit alone. White space before a digit ends there and is not cut once more.
            split=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
            stretch=_GPT2_STRETCH,
            source="Allal et al. 2025, SmolLM2; its tokenizer.json",
        ),
    )
}


def find_pattern(name: str) -> Pattern:
    """The pattern of that name; an unknown name is refused with the nearest known one."""
    if isinstance(name, str) and name in PATTERNS:
        return PATTERNS[name]
    nearest = difflib.get_close_matches(str(name).lower(), PATTERNS, n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise TokenizerError(f"pattern: must be one of {', '.join(PATTERNS)}, was {name!r}{hint}")
