"""Slips in finding special tokens."""

from __future__ import annotations

import re

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.split_special")

Parts = list[list[str | bool]]


def _by_expression(text: str, names: list[str], expression: str) -> Parts:
    parts = re.split(f"({expression})", text) if names else [text]
    return [[part, part in names] for part in parts if part]


slip("first name that fits", "of several names that fit at one place the longest is taken")(
    lambda text, special_tokens: _by_expression(text, special_tokens, "|".join(map(re.escape, special_tokens)))
)
slip("shortest name", "where several names fit at one place, the longest is taken")(
    lambda text, special_tokens: _by_expression(
        text, special_tokens, "|".join(map(re.escape, sorted(special_tokens, key=len)))
    )
)


@slip("one name after the other", "look for all names from left to right, not for one name in the whole text")
def one_after_the_other(text: str, special_tokens: list[str]) -> Parts:
    parts: Parts = [[text, False]] if text else []
    for name in special_tokens:
        cut: Parts = []
        for part, is_special in parts:
            cut += [[part, True]] if is_special else _by_expression(str(part), [name], re.escape(name))
        parts = cut
    return parts


@slip("names as regular expressions", "a name is plain text: escape it before it goes into an expression")
def unescaped(text: str, special_tokens: list[str]) -> Parts:
    names = sorted(special_tokens, key=len, reverse=True)
    parts = re.split(f"({'|'.join(names)})", text) if names else [text]
    return [[part, place % 2 == 1] for place, part in enumerate(parts) if part]


@slip("empty parts", "no part is empty: adjacent special tokens have nothing between them")
def empty_parts(text: str, special_tokens: list[str]) -> Parts:
    names = sorted(special_tokens, key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, names))})", text) if names else [text]
    return [[part, place % 2 == 1] for place, part in enumerate(parts)]


@slip("stripped", "white space beside a special token belongs to the text")
def special_stripped(text: str, special_tokens: list[str]) -> Parts:
    parts = [[part if special else str(part).strip(), special] for part, special in _split(text, special_tokens)]
    return [part for part in parts if part[0]]


@slip("any case", "`<|END|>` is not `<|end|>`")
def any_case(text: str, special_tokens: list[str]) -> Parts:
    names = sorted(special_tokens, key=len, reverse=True)
    parts = re.split(f"(?i:({'|'.join(map(re.escape, names))}))", text) if names else [text]
    return [[part, place % 2 == 1] for place, part in enumerate(parts) if part]


@slip("only the first", "every special token of the text is found, not only the first")
def only_first(text: str, special_tokens: list[str]) -> Parts:
    parts = _split(text, special_tokens)
    first = next((place for place, part in enumerate(parts) if part[1]), len(parts))
    rest = "".join(str(part) for part, _ in parts[first + 1 :])
    return parts[: first + 1] + ([[rest, False]] if rest else [])


def _split(text: str, special_tokens: list[str]) -> Parts:
    return reference.split_special(text, special_tokens)
