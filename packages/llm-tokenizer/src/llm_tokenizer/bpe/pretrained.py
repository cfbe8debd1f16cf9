"""Byte-pair tokenizers of published models: the ids are the ones that their makers gave out."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.bpe.tokenizer import Memory, encode_piece, pack
from llm_tokenizer.byte import BYTES
from llm_tokenizer.corpus.text import Normalization
from llm_tokenizer.decoding import Vocabulary
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens, checked, utf8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PretrainedTokenizer:
    """Byte-pair encoding with any numbering: GPT-2, GPT-4, Llama 3, Qwen, SmolLM2.

    Why it works:
        Merging needs an order, not ids. Inside, byte b has the number b and the tokens follow in the order in which
        merges make them, just as in `BytePairTokenizer`; a table turns these numbers into the published ids.

    Several merges may make one token (`a`+`bc`, `ab`+`c`), if they stand in a row: they share its place in the order.

    Args:
        tokens: The bytes of each ordinary id. Bytes that no text holds may lack a token.
        merges: Pairs of ids, the one to be merged first at the front.
        pattern: The name of the rule that cuts a text into pieces.
        special_tokens: Names and ids of tokens that ordinary text cannot produce.
        ignore_merges: A piece that is a token as a whole becomes it, whether or not merges lead there.
        normalization: What happens to a text first. With one, `decode` gives the normalized text back.
        visible_tokens: Those special tokens that a reader is to see, such as `<think>`: other libraries leave the
            others out of a decoded text when they are asked to. Here it is only kept for saving.

    Spec: tokenizer.split_text, tokenizer.encode_bpe, tokenizer.decode_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """

    def __init__(
        self,
        tokens: Mapping[int, bytes],
        merges: Iterable[Pair],
        *,
        pattern: str,
        special_tokens: Mapping[str, int],
        ignore_merges: bool = False,
        normalization: Normalization | None = None,
        visible_tokens: Collection[str] = (),
    ) -> None:
        self.merges = tuple(merges)
        self._tokens = MappingProxyType(dict(tokens))
        self.pattern = find_pattern(pattern).name
        self.ignore_merges = ignore_merges
        self.normalization = normalization
        self.visible_tokens = frozenset(visible_tokens)
        self._vocabulary = Vocabulary(tokens, special_tokens)
        self._special = SpecialTokens(special_tokens)
        if unknown := sorted(self.visible_tokens - self._special.ids.keys()):
            raise TokenizerError(f"visible_tokens: must be special tokens, but {unknown[0]!r} is none")
        self._rank_of, self._published = _renumber(tokens, self.merges)
        self._id_of_piece = {token: id for id, token in tokens.items()} if ignore_merges else {}
        self._stretches = find_pattern(pattern).stretches
        self._ids_of = Memory(self._encode_stretch)
        self._packed_of = Memory(lambda stretch: pack(self._encode_stretch(stretch)))

    @property
    def vocab_size(self) -> int:
        """One more than the largest id. Not every id below it need have a token."""
        return len(self._vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        return self._special.ids

    @property
    def tokens(self) -> Mapping[int, bytes]:
        """The bytes of all ordinary tokens by their ids."""
        return self._tokens

    @property
    def rank_of(self) -> Mapping[Pair, int]:
        """The rank of each pair that is merged: its token's position in `published_ids`."""
        return self._rank_of

    @property
    def published_ids(self) -> Sequence[int | None]:
        """The id of each token in the order of merging, the 256 bytes first; None where a byte has no token."""
        return self._published

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The ids of a text. A special token in it is plain characters unless it is allowed here by name."""
        return self._special.encode(text, allowed_special, self._encode_ordinary)

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of several texts, each encoded on its own."""
        return [self.encode(text) for text in texts]

    def encode_to_array(self, text: str) -> NDArray[np.int32]:
        """The ids of a text as an array; see `BytePairTokenizer.encode_to_array`."""
        from llm_tokenizer.bpe.arrays import unpack  # here, since numpy takes longer to import than all of this package

        return unpack(map(self._packed_of.__getitem__, self._cut(checked(text))))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return self._vocabulary.decode(ids)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the ids."""
        return self._vocabulary.decode_bytes(ids)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token."""
        return self._vocabulary.token_bytes(id)

    def _encode_ordinary(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._ids_of.__getitem__, self._cut(text))))

    def _cut(self, text: str) -> list[str]:
        if self.normalization is not None:
            text = unicodedata.normalize(self.normalization, text)
        return self._stretches(text)

    def _encode_stretch(self, stretch: str) -> list[int]:
        ids: list[int] = []
        for piece in find_pattern(self.pattern).pieces(stretch):
            data = utf8(piece)
            whole = self._id_of_piece.get(data)
            if whole is not None:
                ids.append(whole)
            else:
                ids += map(self._publish, encode_piece(data, self._rank_of))
        return ids

    def _publish(self, number: int) -> int:
        id = self._published[number]
        if id is None:
            raise TokenizerError(
                f"text: this vocabulary has no token for the byte 0x{number:02x} ({chr(number)!r} where it is ASCII), "
                "and leaving it out would change the text; remove or replace it before encoding"
            )
        return id


def _renumber(tokens: Mapping[int, bytes], merges: Iterable[Pair]) -> tuple[dict[Pair, int], list[int | None]]:
    """The rank of each pair and the published id of each number, where numbers follow the order of merging."""
    id_of = {token: id for id, token in tokens.items()}
    if len(id_of) < len(tokens):
        raise TokenizerError("tokens: each must have bytes of its own, but two are the same")
    published = [id_of.get(byte) for byte in BYTES]
    number_of = {id: number for number, id in enumerate(published) if id is not None}
    pairs = []
    for place, (left, right) in enumerate(merges):
        try:
            made = id_of[tokens[left] + tokens[right]]
        except KeyError:
            raise TokenizerError(
                f"merges[{place}]: must join two tokens to a third, was {(left, right)}, of which one is unknown"
            ) from None
        if made not in number_of:
            number_of[made] = len(published)
            published.append(made)
        elif published[-1] != made:
            raise TokenizerError(
                f"merges[{place}]: {(left, right)} makes the token {tokens[made]!r}, which an earlier merge made "
                "already; merges that make the same token must stand in a row"
            )
        pairs.append((left, right, made))
    # A pair of which one part is never made can never meet, so it needs no rank.
    rank_of = {
        (number_of[left], number_of[right]): number_of[made]
        for left, right, made in pairs
        if left in number_of and right in number_of
    }
    return rank_of, published
