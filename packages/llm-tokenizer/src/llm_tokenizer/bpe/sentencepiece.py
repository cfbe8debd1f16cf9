"""Byte-pair encoding over characters, as SentencePiece does it: Llama 2, Mistral and TinyLlama."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain, groupby
from types import MappingProxyType

from llm_tokenizer.bpe.encoding import Pair
from llm_tokenizer.bpe.tokenizer import Memory
from llm_tokenizer.byte import BYTES
from llm_tokenizer.decoding import Vocabulary
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens, utf8

BLANK = "▁"  # U+2581: how a blank is written, so that a piece with one can be seen
_WORDS = re.compile(f"{BLANK}*[^{BLANK}]+|{BLANK}+")
_UNKNOWN = 1 << 32  # a character that is no piece has the number _UNKNOWN + its code point while pieces are merged

Merge = tuple[float, int]  # its place in the order, which is minus its score, and the id that it makes


class SentencePieceTokenizer:
    """Tokens are characters and what merges make of them; a character without a token becomes its bytes.

    Why it works:
        A blank is a character like any other (`▁`), so nothing need be cut before merging, and words carry their
        blank at the front. Any two tokens may merge that make a third. Bytes below catch every rare character.

    A blank is put before the text, so that its first word looks like any other; `decode` takes it off again. The
    character `▁` itself cannot be told from a blank: that is so in the format.

    Args:
        pieces: The texts of the ordinary tokens and their ids.
        scores: The score of each of them; a piece of a higher score is merged first, of equals the leftmost.
        byte_ids: The ids of the 256 bytes.
        special_tokens: Names and ids of tokens that ordinary text cannot produce.
        leading_blank: Whether a blank is put before each stretch of ordinary text.

    Spec: tokenizer.encode_bpe, tokenizer.decode_bpe
    Source: Kudo and Richardson 2018, SentencePiece: A simple and language independent subword tokenizer.
    """

    def __init__(
        self,
        pieces: Mapping[str, int],
        scores: Mapping[str, float],
        byte_ids: Sequence[int],
        *,
        special_tokens: Mapping[str, int],
        leading_blank: bool = True,
    ) -> None:
        if len(byte_ids) != 256:
            raise TokenizerError(f"byte_ids: must be 256, one for each byte, were {len(byte_ids)}")
        tokens = {id: piece.replace(BLANK, " ").encode("utf-8") for piece, id in pieces.items()}
        tokens |= dict(zip(byte_ids, BYTES, strict=True))
        if "" in pieces or len(tokens) < 256 + len(pieces):
            raise TokenizerError("pieces: each must have some characters and an id of its own, which is no byte's")
        self.leading_blank = leading_blank
        self.pieces: Mapping[str, int] = MappingProxyType(dict(pieces))
        self.scores: Mapping[str, float] = MappingProxyType(dict(scores))
        self.byte_ids = tuple(byte_ids)
        self._merge_of = dict(self._merges(scores))
        self._words_stand_alone = not any(re.search(f"[^{BLANK}]{BLANK}", piece) for piece in pieces)
        self._special = SpecialTokens(special_tokens)
        self._vocabulary = Vocabulary(tokens, special_tokens)
        self._ids_of = Memory(self._encode_word)

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return len(self._vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        return self._special.ids

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The ids of a text. A special token in it is plain characters unless it is allowed here by name."""
        return self._special.encode(text, allowed_special, self._encode_ordinary)

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of several texts, each encoded on its own."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the ids, without the blank that encoding puts before each stretch of ordinary text."""
        special = set(self.special_tokens.values())
        parts = []
        for is_special, stretch in groupby(ids, special.__contains__):
            part = self._vocabulary.decode_bytes(stretch)
            parts.append(part.removeprefix(b" ") if self.leading_blank and not is_special else part)
        return b"".join(parts)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token, with its blank: a stream of tokens goes on in the middle of a text."""
        return self._vocabulary.token_bytes(id)

    def _encode_ordinary(self, text: str) -> list[int]:
        utf8(text)
        text = (BLANK if self.leading_blank and text else "") + text.replace(" ", BLANK)
        # Where no piece goes on into a blank, merging never crosses from one word to the next.
        words = _WORDS.findall(text) if self._words_stand_alone else [text]
        return list(chain.from_iterable(map(self._ids_of.__getitem__, words)))

    def _encode_word(self, word: str) -> list[int]:
        numbers = merge_leftmost(list(map(self._number, word)), self._merge_of)
        return list(chain.from_iterable(map(self._publish, numbers)))

    def _number(self, piece: str) -> int:
        """The id of a piece; a single character that is no piece gets a number beyond all ids."""
        id = self.pieces.get(piece)
        return _UNKNOWN + ord(piece) if id is None else id

    def _publish(self, number: int) -> Sequence[int]:
        if number < _UNKNOWN:
            return (number,)
        return [self.byte_ids[byte] for byte in chr(number - _UNKNOWN).encode("utf-8")]

    def _merges(self, scores: Mapping[str, float]) -> Iterator[tuple[Pair, Merge]]:
        """Every way to put a piece together from two others, or from single characters."""
        for piece, id in self.pieces.items():
            for place in range(1, len(piece)):
                left, right = piece[:place], piece[place:]
                if all(len(part) == 1 or part in self.pieces for part in (left, right)):
                    yield (self._number(left), self._number(right)), (-scores[piece], id)


def merge_leftmost(ids: list[int], merge_of: Mapping[Pair, Merge]) -> list[int]:
    """Merge the pair of the highest score, of equals the leftmost, until no pair is left that can be merged.

    Unlike the ranks in `merging.py`, scores may be equal for different tokens. Mistral's runs of blanks are such: at
    equal scores the leftmost run grows to its full length before the next one begins.

    Args:
        ids: The characters.
        merge_of: For each pair its order (the lowest first) and the id that it makes.
    """
    end = len(ids)
    token: list[int] = [*ids, -1]  # -1: nothing here, at the end or where a token has been merged away
    after = [*range(1, end + 1), end]
    before = [*range(-1, end)]  # before[0] is -1, which in Python is the end: there stands no token either
    heap: list[tuple[float, int, int]] = []

    def push(place: int) -> None:
        merge = merge_of.get((token[place], token[after[place]]))
        if merge is not None:
            heappush(heap, (merge[0], place, merge[1]))

    for place in range(end):
        push(place)
    while heap:
        order, place, made = heappop(heap)
        gone = after[place]
        if merge_of.get((token[place], token[gone])) != (order, made):
            continue  # one of the two has been merged with another in the meantime
        token[place], token[gone] = made, -1
        after[place] = after[gone]
        before[after[place]] = place
        push(before[place])
        push(place)
    return [id for id in token if id >= 0]
