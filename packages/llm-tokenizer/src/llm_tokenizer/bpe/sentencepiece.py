"""Byte-pair encoding over characters, as SentencePiece does it: Llama 2, Mistral, Gemma."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from types import MappingProxyType
from typing import Literal

from llm_tokenizer.bpe.encoding import BoundedCache, Pair, merge_in_order
from llm_tokenizer.byte import BYTES
from llm_tokenizer.interface import TokenizerError, require_str
from llm_tokenizer.special import SpecialTokens, VocabularyTokenizer, any_of, utf8

SPACE = "▁"  # U+2581: how a space is written, so that a piece with one can be seen
PrependScheme = Literal["always", "first", "never"]
_WORDS = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")
_UNKNOWN = 1 << 32  # a character that is not a piece has the number _UNKNOWN + its code point while pieces are merged

Merge = tuple[Pair, float, int]  # a pair, its place in the order, and the id that it makes


class SentencePieceTokenizer(VocabularyTokenizer):
    """Tokens are characters and what merges make of them; a character without a token becomes its bytes.

    Why it works:
        A space is a character like any other (`▁`), so nothing need be split before merging, and words carry their
        space at the front. Any two tokens may merge that make a third. Bytes catch every rare character.

    The character `▁` itself cannot be told from a space: that is so in the format.

    Args:
        pieces: The texts of the ordinary tokens and their ids.
        byte_ids: The ids of the 256 bytes.
        scores: The score of each piece; of all neighbors that make a piece, those of the highest score are merged
            first, of equals the leftmost.
        merges: Pairs of pieces, the one to be merged first at the front, in place of `scores`: how `tokenizer.json`
            orders them.
        special_tokens: Names and ids of tokens that ordinary text cannot produce.
        user_defined: Texts and ids of tokens that are found in a text before anything is merged, the longest first.
            With scores they are found after spaces have become `▁`, with merges before: SentencePiece does the
            former, the library `tokenizers` the latter.
        prepend_scheme: Where a space is put before ordinary text, so that its first word looks like any other:
            `always` at the beginning and after each special token, only at the beginning (`first`), or `never`.
            `decode` removes it.
        double_space: Whether it is also put before a text that begins with a space. If not, `decode` cannot tell
            "a" from " a": that is so in files that split by Metaspace.

    Spec: tokenizer.encode_bpe, tokenizer.decode_bpe
    Source: Kudo and Richardson 2018, SentencePiece: A simple and language independent subword tokenizer.
    """

    def __init__(
        self,
        pieces: Mapping[str, int],
        byte_ids: Sequence[int],
        *,
        scores: Mapping[str, float] | None = None,
        merges: Sequence[tuple[str, str]] | None = None,
        special_tokens: Mapping[str, int],
        user_defined: Mapping[str, int] | None = None,
        prepend_scheme: PrependScheme = "always",
        double_space: bool = True,
    ) -> None:
        if len(byte_ids) != 256:
            raise TokenizerError(f"byte_ids: must be 256, one for each byte, were {len(byte_ids)}")
        if (scores is None) == (merges is None):
            raise TokenizerError("scores: must be given if merges are not, and only then")
        self.user_defined: Mapping[str, int] = MappingProxyType(dict(user_defined or {}))
        texts = {id: piece.replace(SPACE, " ") for piece, id in (pieces | self.user_defined).items()}
        tokens = {id: utf8(text, what="pieces") for id, text in texts.items()}
        tokens |= dict(zip(byte_ids, BYTES, strict=True))
        if "" in pieces or len(tokens) < 256 + len(pieces) + len(self.user_defined):
            raise TokenizerError("pieces: each must have some characters and an id of its own, which is not a byte's")
        super().__init__(tokens, SpecialTokens(special_tokens))
        self.prepend_scheme: PrependScheme = prepend_scheme
        self.double_space = double_space
        self.pieces: Mapping[str, int] = MappingProxyType(dict(pieces))
        self.scores = MappingProxyType(dict(scores)) if scores is not None else None
        self.merges = tuple(merges) if merges is not None else None
        self.byte_ids = tuple(byte_ids)
        found = list(self._by_score(scores) if scores is not None else self._by_rank(merges or ()))
        self._order_of = {pair: order for pair, order, _ in found}
        self._made_of = {pair: made for pair, _, made in found}
        self._words_are_separate = not any(re.search(f"[^{SPACE}]{SPACE}", piece) for piece in pieces)
        self._user_defined = re.compile(f"({any_of(self.user_defined)})") if self.user_defined else None
        self._ids_of = BoundedCache(self._encode_word)

    @property
    def added_tokens(self) -> Mapping[str, int]:
        """The special tokens and the user-defined ones."""
        return {**self.special_tokens, **self.user_defined}

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """Return the ids of a text. A special token in it is plain characters unless it is allowed here by name."""
        ids: list[int] = []
        for place, (part, is_special) in enumerate(self._special.split(require_str(text), allowed_special)):
            if is_special:
                ids.append(self.special_tokens[part])
            else:
                ids += self._encode_ordinary(part, spaced=self._has_space(place))
        return ids

    def encode_continued(self, text: str) -> list[int]:
        """Return the ids of a text that continues another one: no space is put before it."""
        return self._encode_ordinary(require_str(text))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of the ids, without the spaces that encoding adds."""
        special = set(self.special_tokens.values())
        parts = []
        for place, (is_special, run) in enumerate(groupby(self._vocabulary.known_ids(ids), special.__contains__)):
            part = b"".join(map(self._vocabulary.tokens.__getitem__, run))
            parts.append(part.removeprefix(b" ") if self._has_space(place) and not is_special else part)
        return b"".join(parts)

    def _has_space(self, place: int) -> bool:
        """Return whether a space is put before ordinary text; `place` counts the parts between special tokens."""
        return self.prepend_scheme == "always" or (self.prepend_scheme == "first" and place == 0)

    def _encode_ordinary(self, text: str, *, spaced: bool = False) -> list[int]:
        utf8(text)
        by_score = self.scores is not None
        if by_score:  # SentencePiece finds user-defined tokens in the text with its spaces written as `▁`
            text = self._with_spaces(text, spaced=spaced)
        ids: list[int] = []
        for place, part in enumerate(self._user_defined.split(text) if self._user_defined else [text]):
            if place % 2:
                ids.append(self.user_defined[part])
                spaced = spaced and self.prepend_scheme == "always"
            elif part:
                words = part if by_score else self._with_spaces(part, spaced=spaced)
                # Where no piece continues into a space, merging never crosses from one word to the next.
                separate = _WORDS.findall(words) if self._words_are_separate else [words]
                ids += chain.from_iterable(map(self._ids_of.__getitem__, separate))
        return ids

    def _with_spaces(self, text: str, *, spaced: bool) -> str:
        """Return a text with its spaces written as `▁`, and one put before it where that is the rule."""
        text = text.replace(" ", SPACE)
        return SPACE + text if spaced and text and (self.double_space or text[0] != SPACE) else text

    def _encode_word(self, word: str) -> list[int]:
        numbers = merge_in_order(list(map(self._number, word)), self._order_of, self._made_of)
        return list(chain.from_iterable(map(self._publish, numbers)))

    def _number(self, piece: str) -> int:
        """Return the id of a piece; a single character that is not a piece gets a number beyond all ids."""
        id = self.pieces.get(piece, self.user_defined.get(piece))
        return _UNKNOWN + ord(piece) if id is None else id

    def _publish(self, number: int) -> Sequence[int]:
        if number < _UNKNOWN:
            return (number,)
        return [self.byte_ids[byte] for byte in chr(number - _UNKNOWN).encode("utf-8")]

    def _by_score(self, scores: Mapping[str, float]) -> Iterator[Merge]:
        """Yield every way to make a piece of two others, or of single characters."""
        for piece, id in self.pieces.items():
            for place in range(1, len(piece)):
                left, right = piece[:place], piece[place:]
                if all(len(part) == 1 or part in self.pieces for part in (left, right)):
                    yield (self._number(left), self._number(right)), -scores[piece], id

    def _by_rank(self, merges: Iterable[tuple[str, str]]) -> Iterator[Merge]:
        id_of = {**self.pieces, **self.user_defined}
        for rank, (left, right) in enumerate(merges):
            if not {left, right, left + right} <= id_of.keys():
                raise TokenizerError(f"merges[{rank}]: must join two pieces to a third, was {(left, right)}")
            yield (id_of[left], id_of[right]), rank, id_of[left + right]
