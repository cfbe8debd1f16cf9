"""Special tokens: ids that no ordinary text can produce.

A text is data. If the characters `<|endoftext|>` in a web page became the control token, any page could end a
document. So they stay plain characters, unless the caller, who knows where a text comes from, allows them by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from llm_tokenizer.interface import TokenizerError

ALL = "all"


class SpecialTokens:
    """The special tokens of one tokenizer: names, of which the k-th gets the id `first_id + k`, or names with ids.

    Where two of them could start at the same place, the longest wins.
    """

    def __init__(self, names: Sequence[str] | Mapping[str, int], first_id: int = 0) -> None:
        if isinstance(names, str):
            raise TokenizerError(f"special_tokens: must be a list of names, was the one string {names!r}")
        ids: dict[str, int] = {}
        for place, name in enumerate(names):
            if not isinstance(name, str) or not name:
                raise TokenizerError(f"special_tokens[{place}]: must be a string that is not empty, was {name!r}")
            if name in ids:
                raise TokenizerError(f"special_tokens[{place}]: {name!r} stands in the list twice; name it once")
            utf8(name, what=f"special_tokens[{place}]")
            ids[name] = names[name] if isinstance(names, Mapping) else first_id + place
        self.ids: Mapping[str, int] = MappingProxyType(ids)

    def encode(self, text: str, allowed: Collection[str], encode_ordinary: Callable[[str], list[int]]) -> list[int]:
        """Encode a text: allowed special tokens become their ids, all between them goes to `encode_ordinary`.

        `allowed` holds names, or is the one word "all".
        """
        checked(text)
        if not allowed:
            return encode_ordinary(text)
        ids: list[int] = []
        for part, is_special in self._parts(text, self._names(allowed)):
            if is_special:
                ids.append(self.ids[part])
            else:
                ids += encode_ordinary(part)
        return ids

    def _names(self, allowed: Collection[str]) -> Collection[str]:
        if allowed == ALL:
            return self.ids
        if isinstance(allowed, str):
            raise TokenizerError(
                f"allowed_special: must be a collection of names, was the one string {allowed!r}; {ALL!r} allows all"
            )
        for name in allowed:
            if name not in self.ids:
                known = ", ".join(map(repr, self.ids)) or "none"
                known = known if len(known) < 300 else known[:300] + " …"
                raise TokenizerError(f"allowed_special: {name!r} is no special token here (there are: {known})")
        return allowed

    def _parts(self, text: str, names: Collection[str]) -> Iterator[tuple[str, bool]]:
        parts = re.split(f"({_any_of(names)})", text) if names else [text]
        for place, part in enumerate(parts):
            if part:
                yield part, place % 2 == 1


def refuse_special(text: str, special_tokens: Collection[str], *, allowed: Collection[str] = ()) -> str:
    """The text as it is, or an error where it holds a special token that is not allowed.

    For callers to whom a special token in a text is a sign that something is wrong, rather than plain characters:
    `tokenizer.encode(refuse_special(text, tokenizer.special_tokens))`.

    Raises:
        TokenizerError: The text holds such a token; the message names it and its place.
    """
    names = [] if allowed == ALL else [name for name in special_tokens if name not in allowed]
    found = re.search(_any_of(names), text) if names else None
    if found:
        raise TokenizerError(
            f"text: character {found.start()} begins the special token {found.group()!r}, which is not allowed here; "
            "take it out of the text, allow it by name, or encode it as plain characters"
        )
    return text


def _any_of(names: Collection[str]) -> str:
    """A regular expression for any of these names; at one place the longest first."""
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True)))


def checked(text: str) -> str:
    """The text, if it is one."""
    if not isinstance(text, str):
        raise TokenizerError(f"text: must be a string, was {type(text).__name__}")
    return text


def utf8(text: str, *, what: str = "text") -> bytes:
    """The UTF-8 bytes of a text; half a surrogate pair, which no UTF-8 can hold, is refused with its place."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"{what}: character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair, which is "
            "no character of its own; replace it (for example by U+FFFD) before encoding"
        ) from None
