"""Slips in putting the steps together."""

from __future__ import annotations

import unicodedata

from llm_tokenizer import reference
from llm_tokenizer.conformance import Alternatives
from llm_tokenizer.reference.byte_pair import Merges

SLIPS = Alternatives()
slip = SLIPS.of("tokenizer.round_trip")

Result = tuple[list[int], str]

slip("special tokens not found", "special tokens must be found before the text is split")(
    lambda text, pattern, merges, special_tokens: reference.round_trip(text, pattern, merges, [])
)


@slip("not split", "each piece of the pattern is merged by itself, not the whole text")
def not_split(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> Result:
    ids: list[int] = []
    for part, is_special in reference.split_special(text, special_tokens):
        name = str(part)
        ids += [256 + len(merges) + special_tokens.index(name)] if is_special else reference.encode_bpe([name], merges)
    return ids, text


slip("always gpt2", "the pattern that is named does the splitting")(
    lambda text, pattern, merges, special_tokens: reference.round_trip(text, "gpt2", merges, special_tokens)
)


@slip("special ids first", "special tokens come after the merges")
def special_first(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> Result:
    ids, decoded = reference.round_trip(text, pattern, merges, special_tokens)
    first, count = 256 + len(merges), len(special_tokens)
    return [id - len(merges) if id >= first else id + count if id >= 256 else id for id in ids], decoded


@slip("split before special tokens", "special tokens are found in the text, not in its pieces")
def split_first(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> Result:
    ids: list[int] = []
    for piece in reference.split_text(text, pattern):
        found = piece in special_tokens
        ids += [256 + len(merges) + special_tokens.index(piece)] if found else reference.encode_bpe([piece], merges)
    return ids, text


slip("normalized", "the text is returned as it was, accents and all: nothing is normalized")(
    lambda text, *rest: reference.round_trip(unicodedata.normalize("NFC", text), *rest)
)
slip("line breaks changed", "CR LF is returned as CR LF")(
    lambda text, *rest: reference.round_trip(text.replace("\r\n", "\n"), *rest)
)


@slip("special tokens vanish", "special tokens are returned as their text")
def vanish(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> Result:
    ids, _ = reference.round_trip(text, pattern, merges, special_tokens)
    kept = [id for id in ids if id < 256 + len(merges)]
    return ids, reference.decode_bpe(kept, merges).decode()


slip("space before the text", "no space is put before the text")(
    lambda text, *rest: reference.round_trip(" " + text if text else text, *rest)
)
slip("a space for nothing", "an empty text has no ids")(
    lambda text, pattern, merges, special_tokens: reference.round_trip(text or " ", pattern, merges, special_tokens)
)
