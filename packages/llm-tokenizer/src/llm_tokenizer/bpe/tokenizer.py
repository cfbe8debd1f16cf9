"""The byte-pair tokenizer: pieces of text as bytes, merged into the tokens that training found."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from llm_tokenizer.bpe.encoding import Pair, merge_long, merge_short
from llm_tokenizer.bpe.splitting import find_pattern
from llm_tokenizer.byte import BYTES
from llm_tokenizer.decoding import Vocabulary
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens, checked, utf8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = TypeVar("Value", list[int], bytes)

LONG_PIECE = 128  # bytes; from here on the heap of `merge_long` is quicker
REMEMBERED = 1 << 18
LONGEST_REMEMBERED = 256  # characters


class BytePairTokenizer:
    """Tokens are bytes and what the learned merges make of them.

    The id of byte b is b, the k-th merge makes the id 256 + k, and special tokens come after them.

    Why it works:
        Frequent words become one token, rare ones fall into parts, and the bytes below make sure that no text is ever
        unknown. English comes out at several bytes a token, so a model reads several times as far.

    Args:
        merges: Pairs of ids in the order in which they were learned.
        pattern: The name of the rule that cuts a text into pieces (see `patterns.py`).
        special_tokens: Names of tokens that ordinary text cannot produce.

    Spec: tokenizer.split_text, tokenizer.encode_bpe, tokenizer.decode_bpe
    Source: Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units.
    """

    def __init__(self, merges: Iterable[Pair], *, pattern: str = "gpt2", special_tokens: Sequence[str] = ()) -> None:
        self.merges = tuple((int(left), int(right)) for left, right in merges)
        self._cut = find_pattern(pattern)
        tokens = merged_tokens(self.merges)
        self._rank_of = {pair: 256 + k for k, pair in enumerate(self.merges)}
        self._special = SpecialTokens(special_tokens, first_id=len(tokens))
        self._vocabulary = Vocabulary(tokens, self._special.ids)
        self._ids_of_piece = Memory(lambda piece: encode_piece(utf8(piece), self._rank_of))
        self._ids_of_stretch = Memory(self._encode_stretch)
        self._packed_of_stretch = Memory(lambda stretch: pack(self._encode_stretch(stretch)))

    @property
    def pattern(self) -> str:
        """The name of the rule that cuts a text into pieces."""
        return self._cut.name

    @property
    def vocab_size(self) -> int:
        """256 bytes, one for each merge and one for each special token."""
        return len(self._vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        return self._special.ids

    @property
    def tokens(self) -> dict[int, bytes]:
        """The bytes of all ordinary tokens by their ids."""
        return {id: self.token_bytes(id) for id in range(256 + len(self.merges))}

    @property
    def rank_of(self) -> Mapping[Pair, int]:
        """The rank of each pair that is merged: the id of the token that it makes."""
        return self._rank_of

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The ids of a text. A special token in it is plain characters unless it is allowed here by name."""
        return self._special.encode(text, allowed_special, self._encode_ordinary)

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of several texts, each encoded on its own."""
        return [self.encode(text) for text in texts]

    def encode_to_array(self, text: str) -> NDArray[np.int32]:
        """The ids of a text as an array: sooner than a list, and what a corpus is stored as.

        A special token in the text is plain characters. The extra `fast` gives the same several times sooner.
        """
        from llm_tokenizer.bpe.arrays import unpack  # here, since numpy takes longer to import than all of this package

        return unpack(map(self._packed_of_stretch.__getitem__, self._cut.stretches(checked(text))))

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
        return list(chain.from_iterable(map(self._ids_of_stretch.__getitem__, self._cut.stretches(text))))

    def _encode_stretch(self, stretch: str) -> list[int]:
        return list(chain.from_iterable(map(self._ids_of_piece.__getitem__, self._cut.pieces(stretch))))


def encode_piece(piece: bytes, rank_of: Mapping[Pair, int]) -> list[int]:
    """The ids of one piece, by whichever of the two ways is quicker."""
    merge = merge_short if len(piece) < LONG_PIECE else merge_long
    return merge(list(piece), rank_of)


def pack(ids: Sequence[int]) -> bytes:
    """Ids as the bytes of 32-bit numbers, to be remembered and joined to an array."""
    return array("i", ids).tobytes()


def merged_tokens(merges: Sequence[Pair]) -> list[bytes]:
    """The bytes of every token: the 256 bytes, then what each merge makes of two earlier tokens."""
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


class Memory(dict[str, Value]):
    """The ids of pieces or stretches that came before. Bounded: when it is full it starts anew."""

    def __init__(self, encode: Callable[[str], Value]) -> None:
        super().__init__()
        self._encode: Callable[[str], Value] = encode

    def __missing__(self, text: str) -> Value:
        ids = self._encode(text)
        if len(text) <= LONGEST_REMEMBERED:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = ids
        return ids
