"""Encoding a text that is larger than memory: the ids of the whole, from a part of it at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from itertools import chain

from llm_tokenizer.bpe.boundaries import last_safe_place
from llm_tokenizer.bpe.safe_parts import LONGEST, Cut, safe_parts, slices
from llm_tokenizer.bpe.tokenizer import SplittingTokenizer
from llm_tokenizer.byte import ByteTokenizer
from llm_tokenizer.character import CharacterTokenizer
from llm_tokenizer.corpus.unicode_decoding import Errors, Source, decoded_blocks
from llm_tokenizer.interface import Tokenizer, TokenizerError, require_count, require_texts
from llm_tokenizer.special import ALL


def encode_iterable(
    tokenizer: Tokenizer, texts: Iterable[str], *, allowed_special: Collection[str] = (), longest: int = LONGEST
) -> Iterator[int]:
    """Yield the ids of one text that comes in parts: exactly `tokenizer.encode("".join(texts))`.

    Why it works:
        A text is cut only where every text has an edge between pre-tokens (see `bpe/boundaries.py`), and a special
        token is taken only when enough has been read to know that no longer one begins at its place. So each part has
        the ids that it has within the whole, wherever the parts that came in began and ended.

    In memory are 65,536 characters, what follows the last safe place, and the tokenizer's own caches. A tokenizer that
    does not split its text first (SentencePiece, or one that is not ours) has no safe places: its text is gathered as a
    whole, up to the same bound.

    Args:
        tokenizer: Any tokenizer.
        texts: The text in parts of any size.
        allowed_special: Names of special tokens that work in the text, or "all".
        longest: The most characters without a place to cut; a bound on memory that is enforced.

    Raises:
        TokenizerError: More characters than `longest` have no place to cut.

    Spec: tokenizer.split_special, tokenizer.round_trip
    """
    return chain.from_iterable(encode_blocks(tokenizer, texts, allowed_special=allowed_special, longest=longest))


def encode_file(
    tokenizer: Tokenizer,
    source: Source,
    *,
    allowed_special: Collection[str] = (),
    errors: Errors = "strict",
    longest: int = LONGEST,
) -> Iterator[int]:
    """Yield the ids of a file or a stream, not a character of it changed; see `encode_iterable`."""
    blocks = decoded_blocks(source, errors=errors, keep_mark=True)
    return encode_iterable(tokenizer, blocks, allowed_special=allowed_special, longest=longest)


def encode_blocks(
    tokenizer: Tokenizer, texts: Iterable[str], *, allowed_special: Collection[str] = (), longest: int = LONGEST
) -> Iterator[list[int]]:
    """Yield the same ids, in a list for each part of the text."""
    require_count("longest", longest)
    texts = require_texts("texts", texts)
    tokenizer.encode("", allowed_special=allowed_special)  # refuses unknown names before anything is read
    names = list(tokenizer.special_tokens) if allowed_special == ALL else list(allowed_special)
    cut = _cut_for(tokenizer)
    if cut is None:
        return _encode_whole(tokenizer, texts, allowed_special, longest)
    parts = safe_parts(texts, names, cut, longest)
    return ([tokenizer.special_tokens[part]] if is_special else tokenizer.encode(part) for part, is_special in parts)


def _encode_whole(
    tokenizer: Tokenizer, texts: Iterable[str], allowed_special: Collection[str], longest: int
) -> Iterator[list[int]]:
    held, size = [], 0
    for text in slices(texts):
        held.append(text)
        size += len(text)
        if size > longest:
            raise TokenizerError(
                f"longest: this tokenizer takes a text only as a whole, and the text has more than {longest} "
                "characters; allow more, or encode its documents one by one"
            )
    yield tokenizer.encode("".join(held), allowed_special=allowed_special)


def _cut_for(tokenizer: Tokenizer) -> Cut | None:
    """Return how to find the last place where this tokenizer's text may be cut; None if that is not known."""
    if isinstance(tokenizer, (ByteTokenizer, CharacterTokenizer)):
        return len
    if isinstance(tokenizer, SplittingTokenizer):
        return partial(last_safe_place, normalization=tokenizer.normalization)
    return None
