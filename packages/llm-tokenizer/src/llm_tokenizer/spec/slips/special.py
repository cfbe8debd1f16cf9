"""Slips in finding special tokens."""

from __future__ import annotations

import re
from collections.abc import Callable

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.split_special")

Parts = list[list[str | bool]]


def _cut(text: str, names: list[str], *, form: Callable[[str], str] = re.escape, flags: int = 0) -> Parts:
    """Split a text at names, of which the first that fits is taken; every second part is a name."""
    parts = re.split(f"({'|'.join(map(form, names))})", text, flags=flags) if names else [text]
    return [[part, place % 2 == 1] for place, part in enumerate(parts)]


def _filled(parts: Parts) -> Parts:
    return [part for part in parts if part[0]]


def _longest_first(names: list[str]) -> list[str]:
    return sorted(names, key=len, reverse=True)


slip("first name that fits", "of several names that fit at one place the longest is taken")(
    lambda text, special_tokens: _filled(_cut(text, special_tokens))
)
slip("shortest name", "where several names fit at one place, the longest is taken")(
    lambda text, special_tokens: _filled(_cut(text, sorted(special_tokens, key=len)))
)
slip("names as regular expressions", "a name is plain text: escape it before it goes into an expression")(
    lambda text, special_tokens: _filled(_cut(text, _longest_first(special_tokens), form=str))
)
slip("empty parts", "no part is empty: adjacent special tokens have nothing between them")(
    lambda text, special_tokens: _cut(text, _longest_first(special_tokens))
)
slip("any case", "`<|END|>` is not `<|end|>`")(
    lambda text, special_tokens: _filled(_cut(text, _longest_first(special_tokens), flags=re.IGNORECASE))
)


@slip("one name after the other", "look for all names from left to right, not for one name in the whole text")
def one_after_the_other(text: str, special_tokens: list[str]) -> Parts:
    parts: Parts = [[text, False]] if text else []
    for name in special_tokens:
        cut: Parts = []
        for part, is_special in parts:
            cut += [[part, True]] if is_special else _filled(_cut(str(part), [name]))
        parts = cut
    return parts


@slip("stripped", "white space beside a special token belongs to the text")
def special_stripped(text: str, special_tokens: list[str]) -> Parts:
    parts = reference.split_special(text, special_tokens)
    return _filled([[part if special else str(part).strip(), special] for part, special in parts])


@slip("only the first", "every special token of the text is found, not only the first")
def only_first(text: str, special_tokens: list[str]) -> Parts:
    parts = reference.split_special(text, special_tokens)
    first = next((place for place, part in enumerate(parts) if part[1]), len(parts))
    rest = "".join(str(part) for part, _ in parts[first + 1 :])
    return parts[: first + 1] + ([[rest, False]] if rest else [])
