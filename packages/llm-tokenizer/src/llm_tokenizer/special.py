"""Special tokens: ids that no ordinary text can produce.

A text is data. If the characters `<|endoftext|>` in a web page became the control token, any page could end a
document. So they stay plain characters, unless the caller, who knows where a text comes from, allows them by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from llm_tokenizer.errors import TokenizerError


class SpecialTokens:
    """The special tokens of one tokenizer; the k-th has the id `first_id + k`.

    Where two of them could start at the same place, the longest wins.
    """

    def __init__(self, names: Sequence[str], first_id: int) -> None:
        if isinstance(names, str):
            raise TokenizerError(f"special_tokens: must be a list of names, was the one string {names!r}")
        for place, name in enumerate(names):
            if not isinstance(name, str) or not name:
                raise TokenizerError(f"special_tokens[{place}]: must be a string that is not empty, was {name!r}")
            if name in names[:place]:
                raise TokenizerError(f"special_tokens[{place}]: {name!r} stands in the list twice; name it once")
            utf8(name, what=f"special_tokens[{place}]")
        self.ids: Mapping[str, int] = MappingProxyType({name: first_id + k for k, name in enumerate(names)})

    def encode(self, text: str, allowed: Collection[str], encode_ordinary: Callable[[str], list[int]]) -> list[int]:
        """Encode a text: allowed special tokens become their ids, all between them goes to `encode_ordinary`."""
        if not isinstance(text, str):
            raise TokenizerError(f"text: must be a string, was {type(text).__name__}")
        if not allowed:
            return encode_ordinary(text)
        ids: list[int] = []
        for part, is_special in self._parts(text, allowed):
            if is_special:
                ids.append(self.ids[part])
            else:
                ids += encode_ordinary(part)
        return ids

    def _parts(self, text: str, allowed: Collection[str]) -> Iterator[tuple[str, bool]]:
        if isinstance(allowed, str):
            raise TokenizerError(f"allowed_special: must be a collection of names, was the one string {allowed!r}")
        for name in allowed:
            if name not in self.ids:
                known = ", ".join(map(repr, self.ids)) or "none"
                raise TokenizerError(f"allowed_special: {name!r} is no special token here (there are: {known})")
        longest_first = sorted(allowed, key=len, reverse=True)
        pattern = "(" + "|".join(map(re.escape, longest_first)) + ")"
        for place, part in enumerate(re.split(pattern, text)):
            if part:
                yield part, place % 2 == 1


def utf8(text: str, *, what: str = "text") -> bytes:
    """The UTF-8 bytes of a text; half a surrogate pair, which no UTF-8 can hold, is refused with its place."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"{what}: character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair, which is "
            "no character of its own; replace it (for example by U+FFFD) before encoding"
        ) from None
