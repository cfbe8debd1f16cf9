"""Byte-pair tokenizers of published models: the ids are those of their authors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from llm_tokenizer.bpe.encoding import Pair, encode_pre_token
from llm_tokenizer.bpe.tokenizer import SplittingTokenizer
from llm_tokenizer.byte import BYTES
from llm_tokenizer.corpus.cleaning import Normalization
from llm_tokenizer.interface import TokenizerError
from llm_tokenizer.special import SpecialTokens, utf8


class PretrainedTokenizer(SplittingTokenizer):
    """Byte-pair encoding with any numbering: GPT-2, GPT-4, Llama 3, Qwen, SmolLM2.

    Why it works:
        Merging needs an order, not ids. Inside, byte b has the number b and the tokens follow in the order in which
        merges make them, just as in `BytePairTokenizer`; a table maps these numbers to the published ids.

    Several merges may make one token (`a`+`bc`, `ab`+`c`) if they follow each other: they have one rank.

    Args:
        tokens: The bytes of each ordinary id. Single bytes may lack a token.
        merges: Pairs of ids, the one to be merged first at the front.
        pattern: The name of the rule that splits a text into pre-tokens.
        special_tokens: Names and ids of tokens that ordinary text cannot produce.
        ignore_merges: A pre-token that is a token as a whole becomes that token, whether or not merges lead to it.
        normalization: What is done to a text first. With one, `decode` returns the normalized text.
        visible_tokens: Those special tokens that a reader should see, such as `<think>`: other libraries omit only the
            others from a decoded text when asked to. Here it is only kept for saving.

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
        super().__init__(tokens, SpecialTokens(special_tokens), pattern)
        self.merges = tuple(merges)
        self._tokens = MappingProxyType(dict(tokens))
        self.ignore_merges = ignore_merges
        self.normalization = normalization
        self.visible_tokens = frozenset(visible_tokens)
        if unknown := sorted(self.visible_tokens - self.special_tokens.keys()):
            raise TokenizerError(f"visible_tokens: must be special tokens, but {unknown[0]!r} is not")
        self.rank_of, self.published_ids = _renumber(tokens, self.merges)
        self._id_of_pre_token = {token: id for id, token in tokens.items()} if ignore_merges else {}

    @property
    def tokens(self) -> Mapping[int, bytes]:
        """The bytes of all ordinary tokens by their ids."""
        return self._tokens

    def _encode_chunk(self, chunk: str) -> list[int]:
        ids: list[int] = []
        for pre_token in self._pattern.pre_tokens(chunk):
            data = utf8(pre_token)
            whole = self._id_of_pre_token.get(data)
            if whole is not None:
                ids.append(whole)
            else:
                ids += map(self._publish, encode_pre_token(data, self.rank_of))
        return ids

    def _publish(self, number: int) -> int:
        id = self.published_ids[number]
        if id is None:
            shown = f" ({chr(number)!r})" if number < 0x80 else ""
            raise TokenizerError(
                f"text: this vocabulary has no token for the byte 0x{number:02x}{shown}, and leaving it out would "
                "change the text; remove or replace it before encoding"
            )
        return id


def _renumber(tokens: Mapping[int, bytes], merges: Iterable[Pair]) -> tuple[dict[Pair, int], list[int | None]]:
    """Return the rank of each pair and the published id of each number, where numbers follow the order of merging."""
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
                "already; merges that make the same token must follow each other"
            )
        pairs.append((left, right, made))
    # A pair of which one part is never made can never meet, so it needs no rank.
    rank_of = {
        (number_of[left], number_of[right]): number_of[made]
        for left, right, made in pairs
        if left in number_of and right in number_of
    }
    return rank_of, published
