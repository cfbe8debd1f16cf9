"""Slips in splitting a text into pieces."""

from __future__ import annotations

import re
from collections.abc import Callable

import regex

from llm_tokenizer import reference
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.split_text")


def _changed(*changes: tuple[str, str], only: str = "") -> Callable[[str, str], list[str]]:
    """Split by a pattern in which some text is replaced; only in one pattern, or in all."""

    def split_text(text: str, pattern: str) -> list[str]:
        if pattern not in PATTERNS:
            raise ValueError(pattern)
        expression = PATTERNS[pattern].split
        if only in ("", pattern):
            for old, new in changes:
                expression = expression.replace(old, new)
        found: list[str] = regex.findall(expression, text)
        return found

    return split_text


slip("space apart from its word", "a word takes the space before it along")(_changed((r" ?\p{L}", r"\p{L}")))
slip(
    "white space takes all", "of several spaces the last one belongs to the word after them: `\\s+(?!\\S)` comes first"
)(_changed((r"|\s+(?!\S)|\s+", r"|\s+"), (r"|\s+(?!\S)|\s", r"|\s+")))
slip("gpt2 contractions in any case", "gpt2 knows 's and 't in small letters only: `I'M` is I ' M")(
    _changed(("'(?:", "'(?i:"), only="gpt2")
)
slip("contractions in small letters only", "except in gpt2, contractions count in any case: `I'M` is I 'M")(
    _changed(("(?i:", "(?:"))
)
slip("no contractions", "'s, 't, 're, 've, 'm, 'll and 'd are pieces of their own")(
    _changed((r"'(?:[sdmt]|ll|ve|re)|", ""), (r"'(?i:[sdmt]|ll|ve|re)|", ""), (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|", ""))
)
slip("typographic apostrophe", "only the straight apostrophe U+0027 makes a contraction")(
    _changed(("'(?", "['’](?"), only="gpt2")
)
slip("ASCII letters", "letters are those of every script, not only A to Z")(
    _changed((r"\p{L}", "A-Za-z"), (r" ?A-Za-z+", " ?[A-Za-z]+"), only="gpt2")
)
slip("digits instead of numbers", "numbers are Unicode's category N: ½ and Ⅷ too, not only \\d")(
    _changed((r" ?\p{N}+", r" ?\d+"), (r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\d]"))
)
slip("numbers of any length", "here at most three digits make a piece")(_changed((r"\p{N}{1,3}", r"\p{N}+")))
slip("three digits in qwen2", "qwen2 takes every digit as a piece of its own")(
    _changed((r"|\p{N}|", r"|\p{N}{1,3}|"), only="qwen2")
)
slip("numbers in a row in smollm", "smollm takes every digit as a piece of its own")(
    _changed((r"|\p{N}|", r"|\p{N}+|"), only="smollm")
)
slip("a space left for a number", "in smollm no space belongs to a number, so white space before one stays whole")(
    _changed((r"\s+(?![^\s\p{N}])", r"\s+(?!\S)"), only="smollm")
)
slip("marks are letters", "a combining mark is no letter: `é` of two characters is e and its accent")(
    _changed((r"\p{L}+", r"[\p{L}\p{M}]+"), (r"[^\s\p{L}", r"[^\s\p{L}\p{M}"), only="gpt2")
)
slip("marks apart in o200k", "in o200k combining marks belong to the word")(_changed((r"\p{M}", ""), only="o200k"))
slip("no slash in o200k", "in o200k punctuation takes slashes along as it does line breaks")(
    _changed((r"[\r\n/]*", r"[\r\n]*"), only="o200k")
)
slip("o200k without capitals", "in o200k a capital after a small letter begins a new piece")(
    _changed((r"\p{Lu}\p{Lt}", r"\p{Ll}\p{Lu}\p{Lt}"), only="o200k")
)
slip("line breaks apart", "except in gpt2, line breaks stay with the punctuation before them")(
    _changed((r"[\r\n]*+", ""), (r"[\r\n]*", ""), (r"[\r\n/]*", ""))
)
slip("only line feeds", "a carriage return is a line break as well")(_changed((r"\r\n", r"\n")))
slip("cl100k ends like llama3", "in cl100k white space at the end of the text is one piece")(
    _changed((r"|\s++$", ""), only="cl100k")
)
slip("no character before a word", "except in gpt2 a word takes one character before it along: `(word`")(
    _changed((r"[^\r\n\p{L}\p{N}]?", " ?"))
)


@slip("split at spaces", "white space must not be thrown away: the pieces joined are the text")
def split_at_spaces(text: str, pattern: str) -> list[str]:
    reference.split_text(text, pattern)
    return text.split()


slip("unknown names taken for gpt2", "a name that is no pattern must raise ValueError")(
    lambda text, pattern: reference.split_text(text, pattern if pattern in PATTERNS else "gpt2")
)


@slip("Python's white space", "U+001C to U+001F are no white space in Unicode, though Python's re and isspace say so")
def python_white_space(text: str, pattern: str) -> list[str]:
    if pattern != "gpt2":
        return reference.split_text(text, pattern)
    return re.findall(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+(?!\S)|\s+|_", text)


slip("one piece for an empty text", "an empty text has no pieces, not an empty one")(
    lambda text, pattern: reference.split_text(text, pattern) or [""]
)
