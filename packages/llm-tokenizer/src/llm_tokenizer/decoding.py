"""Token ids to bytes and text: the half of a tokenizer that is the same for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any

from llm_tokenizer.interface import TokenizerError

if TYPE_CHECKING:
    from llm_tokenizer.bpe.arrays import TokenBytes

MOST_GAPS = 1 << 16  # a published vocabulary leaves some dozens of ids free


class Vocabulary:
    """The bytes of every token.

    Args:
        tokens: Ordinary tokens, as a row numbered from 0 or by their ids.
        special_tokens: The ids of the special tokens by their text.
    """

    def __init__(self, tokens: Sequence[bytes] | Mapping[int, bytes], special_tokens: Mapping[str, int]) -> None:
        token_of = dict(tokens if isinstance(tokens, Mapping) else enumerate(tokens))
        for name, id in special_tokens.items():
            if id in token_of:
                raise TokenizerError(
                    f"special_tokens: {name!r} must have an id of its own, but {id} is the token {token_of[id]!r}"
                )
            token_of[id] = name.encode("utf-8")
        size = max(token_of, default=-1) + 1
        if size > len(token_of) + MOST_GAPS:
            raise TokenizerError(f"ids: must leave at most {MOST_GAPS} numbers free, but the largest is {size - 1}")
        self.tokens: tuple[bytes, ...] = tuple(token_of.get(id, b"") for id in range(size))
        self._gaps = frozenset(range(size)) - token_of.keys() if size > len(token_of) else frozenset()
        self._token_bytes: TokenBytes | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token."""
        return self.tokens[self._checked("id", id)]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of all tokens in a row.

        Why it works:
            A token is a string of bytes, and encoding only ever cut the text's bytes into such strings. Putting them
            in a row again undoes it. That must happen before the bytes become characters, since a character of
            several bytes may lie in two tokens.

        Spec: tokenizer.decode_bpe
        """
        if hasattr(ids, "dtype"):
            row = _as_row(ids)
            known = self._gathered(row)
            if known is not None:
                return known
            ids = row.tolist()
        ids = list(ids)
        try:
            # To Python an index of -1 is the last token, to us it is a mistake.
            if not ids or (min(ids) >= 0 and (not self._gaps or self._gaps.isdisjoint(ids))):
                return b"".join(map(self.tokens.__getitem__, ids))
        except (IndexError, TypeError):
            pass  # the next line finds out which id it was
        return b"".join(self.tokens[self._checked(f"ids[{place}]", id)] for place, id in enumerate(ids))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of all tokens in a row; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def _gathered(self, ids: Any) -> bytes | None:
        """The bytes of a row of ids in a NumPy array; None where they are not known ids."""
        if ids.dtype.kind not in "iu" or not len(ids) or ids.min() < 0 or ids.max() >= len(self):
            return None
        if self._gaps and not self._gaps.isdisjoint(ids.tolist()):
            return None
        if self._token_bytes is None:
            from llm_tokenizer.bpe.arrays import (
                TokenBytes,  # here, since numpy takes longer to import than this package
            )

            self._token_bytes = TokenBytes(self.tokens)
        return self._token_bytes.gather(ids)

    def _checked(self, argument: str, id: int) -> int:
        try:
            number = index(id)
        except TypeError:
            number = -1
        if not 0 <= number < len(self):
            raise TokenizerError(f"{argument}: must be a whole number from 0 to {len(self) - 1}, was {id!r}")
        if number in self._gaps:
            raise TokenizerError(
                f"{argument}: must be the id of a token, but {id} is one that this vocabulary leaves free"
            )
        return number


def _as_row(ids: Any) -> Any:
    """A row of ids of any array library, torch among them, as a NumPy array."""
    from numpy import asarray  # here, since it takes longer to import than this package

    try:
        row = asarray(ids)
    except (TypeError, RuntimeError):  # a tensor of another device, or of a number type that NumPy lacks
        row = asarray(ids.tolist())
    if row.ndim != 1:
        raise TokenizerError(f"ids: must be one row of ids, was an array of shape {row.shape}; decode row by row")
    return row
