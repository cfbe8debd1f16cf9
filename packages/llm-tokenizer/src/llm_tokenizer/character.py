"""The tokenizer that is easiest to look at: one token per character."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from llm_tokenizer.decoding import Vocabulary
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens, utf8


class CharacterTokenizer:
    """Every character is a token; ids follow the order of the characters' code points.

    Why it works:
        A text holds few different characters, about 65 in Shakespeare's plays, so numbering them makes a tiny
        vocabulary. The price: a character that was not there in training has no number, and is refused rather than
        dropped.
    """

    def __init__(self, characters: str, special_tokens: Sequence[str] = ()) -> None:
        if not isinstance(characters, str) or not characters:
            raise TokenizerError(f"characters: must be a string that is not empty, was {characters!r}")
        self.characters = "".join(sorted(set(characters)))
        tokens = [utf8(character, what="characters") for character in self.characters]
        self._id_of = {character: id for id, character in enumerate(self.characters)}
        self._special = SpecialTokens(special_tokens, first_id=len(tokens))
        self._vocabulary = Vocabulary(tokens, self._special.ids)

    @classmethod
    def train(cls, texts: Iterable[str], special_tokens: Sequence[str] = ()) -> CharacterTokenizer:
        """The tokenizer for all characters that the texts hold."""
        characters: set[str] = set()
        for text in texts:
            characters.update(text)
        if not characters:
            raise TokenizerError("texts: must hold at least one character, but held none; nothing can be learned")
        return cls("".join(characters), special_tokens)

    @property
    def vocab_size(self) -> int:
        """One for each character and each special token."""
        return len(self._vocabulary)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The id of each special token by its text."""
        return self._special.ids

    def encode(self, text: str, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The numbers of the text's characters."""
        return self._special.encode(text, allowed_special, self._encode_ordinary)

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of several texts, each encoded on its own."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids."""
        return self._vocabulary.decode(ids)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the ids."""
        return self._vocabulary.decode_bytes(ids)

    def token_bytes(self, id: int) -> bytes:
        """The UTF-8 bytes of one character."""
        return self._vocabulary.token_bytes(id)

    def _encode_ordinary(self, text: str) -> list[int]:
        try:
            return list(map(self._id_of.__getitem__, text))
        except KeyError:
            place = next(place for place, character in enumerate(text) if character not in self._id_of)
        raise TokenizerError(
            f"text: character {place} is {text[place]!r} (U+{ord(text[place]):04X}), which is not among the "
            f"{len(self.characters)} characters that this tokenizer was trained on; train on a text that holds it, "
            "or use a byte or byte-pair tokenizer, to which nothing is unknown"
        )
