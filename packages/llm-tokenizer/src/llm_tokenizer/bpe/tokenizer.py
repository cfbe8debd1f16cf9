"""The byte-pair tokenizer: pre-tokens as bytes, merged into the tokens that training found."""

from __future__ import annotations

import unicodedata
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from llm_tokenizer.bpe.encoding import BoundedCache, Pair, encode_pre_token, merge_short
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.byte import BYTES
from llm_tokenizer.corpus.cleaning import Normalization
from llm_tokenizer.interface import TokenizerError, require_str
from llm_tokenizer.special import SpecialTokens, VocabularyTokenizer, utf8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SplittingTokenizer(VocabularyTokenizer):
    """A tokenizer that splits a text by a pattern before it encodes the pre-tokens.

    `rank_of` has the rank of each pair that is merged, which is the position of its token in `published_ids`: the
    ids of all tokens in the order of merging, the 256 bytes first; None where a byte has no token.
    """

    normalization: Normalization | None = None
    ignore_merges = False
    merges: tuple[Pair, ...]
    rank_of: Mapping[Pair, int]
    published_ids: Sequence[int | None]

    def __init__(
        self, tokens: Sequence[bytes] | Mapping[int, bytes], special_tokens: SpecialTokens, pattern: str
    ) -> None:
        super().__init__(tokens, special_tokens)
        self._pattern = find_pattern(pattern)
        self._ids_of_chunk = BoundedCache(self._encode_chunk)
        self._packed_of_chunk = BoundedCache(lambda chunk: array("i", self._encode_chunk(chunk)).tobytes())

    @property
    @abstractmethod
    def tokens(self) -> Mapping[int, bytes]:
        """The bytes of all ordinary tokens by their ids."""

    @property
    def pattern(self) -> str:
        """The name of the rule that splits a text into pre-tokens."""
        return self._pattern.name

    def encode_to_array(self, text: str) -> NDArray[np.int32]:
        """Return the ids of a text as an array, which is faster than a list, and how a corpus is stored.

        A special token in the text is plain characters. The extra `fast` does the same several times faster.
        """
        import numpy as np  # here, since it takes longer to import than all of this package

        packed = map(self._packed_of_chunk.__getitem__, self._chunks(require_str(text)))
        return np.frombuffer(bytearray().join(packed), np.int32)

    def _encode_ordinary(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._ids_of_chunk.__getitem__, self._chunks(text))))

    def _chunks(self, text: str) -> list[str]:
        if self.normalization is not None:
            text = unicodedata.normalize(self.normalization, text)
        return self._pattern.chunks(text)

    def unreachable_token(self) -> bytes | None:
        """Return a token that merging its own bytes does not lead to; None if there is none."""
        for id, token in self.tokens.items():
            if [self.published_ids[rank] for rank in merge_short(list(token), self.rank_of)] != [id]:
                return token
        return None

    @abstractmethod
    def _encode_chunk(self, chunk: str) -> list[int]:
        """Return the ids of a part of a text that ends between two pre-tokens."""


class BytePairTokenizer(SplittingTokenizer):
    """Tokens are bytes and what the learned merges make of them.

    The id of byte b is b, the k-th merge makes the id 256 + k, and special tokens come after them.

    Why it works:
        Frequent words become one token, rare ones several, and the bytes make sure that no text is ever unknown.
        English takes one token per several bytes, so a model reads several times as far.

    Args:
        merges: Pairs of ids in the order in which they were learned.
        pattern: The name of the rule that splits a text into pre-tokens (`bpe/splitting.py`).
        special_tokens: Names of tokens that ordinary text cannot produce.

    Spec: tokenizer.split_text, tokenizer.encode_bpe, tokenizer.decode_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """

    def __init__(self, merges: Iterable[Pair], *, pattern: str = "gpt2", special_tokens: Sequence[str] = ()) -> None:
        self.merges = tuple((int(left), int(right)) for left, right in merges)
        tokens = merged_tokens(self.merges)
        super().__init__(tokens, SpecialTokens(special_tokens, first_id=len(tokens)), pattern)
        self.published_ids = range(len(tokens))
        self.rank_of = {pair: 256 + k for k, pair in enumerate(self.merges)}
        self._ids_of_pre_token = BoundedCache(lambda pre_token: encode_pre_token(utf8(pre_token), self.rank_of))

    @property
    def tokens(self) -> dict[int, bytes]:
        """The bytes of all ordinary tokens by their ids."""
        return {id: self.token_bytes(id) for id in range(256 + len(self.merges))}

    def _encode_chunk(self, chunk: str) -> list[int]:
        return list(chain.from_iterable(map(self._ids_of_pre_token.__getitem__, self._pattern.pre_tokens(chunk))))


def merged_tokens(merges: Sequence[Pair]) -> list[bytes]:
    """Return the bytes of every token: the 256 bytes, then what each merge makes of two earlier tokens."""
    tokens = list(BYTES)
    id_of = {token: id for id, token in enumerate(tokens)}
    for place, (left, right) in enumerate(merges):
        if not (0 <= left < len(tokens) and 0 <= right < len(tokens)):
            raise TokenizerError(
                f"merges[{place}]: must join two ids from 0 to {len(tokens) - 1}, which are known by then, "
                f"was {(left, right)}"
            )
        token = tokens[left] + tokens[right]
        if token in id_of:
            raise TokenizerError(
                f"merges[{place}]: {(left, right)} makes the token {token!r}, which merges[{id_of[token] - 256}] "
                "makes already; remove one"
            )
        id_of[token] = len(tokens)
        tokens.append(token)
    return tokens
