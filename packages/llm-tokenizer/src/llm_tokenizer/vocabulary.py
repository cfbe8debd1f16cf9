"""Token ids to bytes and text: the half of a tokenizer that is the same for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import index

from llm_tokenizer.errors import TokenizerError


class Vocabulary:
    """The bytes of every token: ordinary tokens first, special tokens after them."""

    def __init__(self, tokens: Sequence[bytes], special_tokens: Mapping[str, int]) -> None:
        self.tokens: tuple[bytes, ...] = (*tokens, *(name.encode("utf-8") for name in special_tokens))
        # A dictionary and not the tuple itself, in which an id of -1 would quietly mean the last token.
        self._token_of = dict(enumerate(self.tokens))

    def __len__(self) -> int:
        return len(self.tokens)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token."""
        try:
            return self._token_of[index(id)]
        except (KeyError, TypeError):
            raise self._unknown("id", id) from None

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of all tokens in a row.

        Why it works: a token is a string of bytes, and encoding only ever cut the text's bytes into such strings.
        Putting them in a row again undoes it. That must happen before the bytes become characters, since a character
        of several bytes may lie in two tokens.

        Spec: tokenizer.decode_bpe
        """
        ids = list(ids)
        try:
            return b"".join(map(self._token_of.__getitem__, ids))
        except (KeyError, TypeError):
            return b"".join(self._token_at(place, id) for place, id in enumerate(ids))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of all tokens in a row; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def _token_at(self, place: int, id: int) -> bytes:
        """One token of many, with its place in the error; also the way for whole numbers that are no plain `int`."""
        try:
            return self._token_of[index(id)]
        except (KeyError, TypeError):
            raise self._unknown(f"ids[{place}]", id) from None

    def _unknown(self, argument: str, id: object) -> TokenizerError:
        return TokenizerError(f"{argument}: must be a whole number from 0 to {len(self) - 1}, was {id!r}")
