"""The tokenizer that is easiest to look at: one token per character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm_tokenizer.interface import TokenizerError, require_texts
from llm_tokenizer.special import SpecialTokens, VocabularyTokenizer, utf8


class CharacterTokenizer(VocabularyTokenizer):
    """Every character is a token; ids follow the order of the characters' code points.

    Why it works:
        A text has few different characters, about 65 in Shakespeare's plays, so numbering them makes a tiny
        vocabulary. The price: a character that did not occur in training has no id, and is refused rather than
        dropped.
    """

    def __init__(self, characters: str, special_tokens: Sequence[str] = ()) -> None:
        if not isinstance(characters, str) or not characters:
            raise TokenizerError(f"characters: must be a string that is not empty, was {characters!r}")
        self.characters = "".join(sorted(set(characters)))
        tokens = [utf8(character, what="characters") for character in self.characters]
        self._id_of = {character: id for id, character in enumerate(self.characters)}
        super().__init__(tokens, SpecialTokens(special_tokens, first_id=len(tokens)))

    @classmethod
    def train(cls, texts: Iterable[str], special_tokens: Sequence[str] = ()) -> CharacterTokenizer:
        """Return the tokenizer for all characters in the texts."""
        characters: set[str] = set()
        for text in require_texts("texts", texts):
            characters.update(text)
        if not characters:
            raise TokenizerError("texts: must hold at least one character, but held none; nothing can be learned")
        return cls("".join(characters), special_tokens)

    def _encode_ordinary(self, text: str) -> list[int]:
        try:
            return list(map(self._id_of.__getitem__, text))
        except KeyError:
            place = next(place for place, character in enumerate(text) if character not in self._id_of)
        raise TokenizerError(
            f"text: character {place} is {text[place]!r} (U+{ord(text[place]):04X}), which is not among the "
            f"{len(self.characters)} characters that this tokenizer was trained on; train on a text with it, "
            "or use a byte or byte-pair tokenizer, to which nothing is unknown"
        )
