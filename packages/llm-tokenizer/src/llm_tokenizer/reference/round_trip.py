"""All steps in a row: a text to ids, and the ids back to the text."""

from llm_tokenizer.reference.byte_pair import Merges, decode_bpe, encode_bpe
from llm_tokenizer.reference.cutting import split_text
from llm_tokenizer.reference.special import split_special


def round_trip(text: str, pattern: str, merges: Merges, special_tokens: list[str]) -> tuple[list[int], str]:
    """The ids of a text in which all special tokens are allowed, and the text that the ids decode to."""
    first = 256 + len(merges)
    ids: list[int] = []
    for part, is_special in split_special(text, special_tokens):
        if is_special:
            ids.append(first + special_tokens.index(str(part)))
        else:
            ids += encode_bpe(split_text(str(part), pattern), merges)
    data = b""
    for id in ids:
        data += special_tokens[id - first].encode("utf-8") if id >= first else decode_bpe([id], merges)
    return ids, data.decode("utf-8")
