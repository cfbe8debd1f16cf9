"""Read a file of any size in parts, for training, which need not see a document as a whole."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import replace

from llm_tokenizer.bpe.boundaries import last_safe_place
from llm_tokenizer.bpe.safe_parts import safe_parts
from llm_tokenizer.corpus.cleaning import Cleaning
from llm_tokenizer.corpus.documents import never_within_a_break
from llm_tokenizer.corpus.unicode_decoding import Errors, Source, decoded_blocks, source_name


def parts_of_file(
    source: Source, cleaning: Cleaning, errors: Errors, special_tokens: Collection[str], longest: int
) -> Iterator[str]:
    """Yield the ordinary text of a file in parts whose pre-tokens are those of the whole file."""
    blocks = _normalized(_clean(source, cleaning, errors), cleaning, longest)
    for part, is_special in safe_parts(blocks, special_tokens, last_safe_place, longest):
        if not is_special:
            yield part


def _clean(source: Source, cleaning: Cleaning, errors: Errors) -> Iterator[str]:
    """Yield the text after everything that is done to one character at a time."""
    by_character = replace(cleaning, normalization=None)
    line = 1
    for block in never_within_a_break(decoded_blocks(source, errors=errors)):
        text = by_character.clean(block, name=source_name(source), line=line)
        line += text.count("\n")
        yield text


def _normalized(blocks: Iterator[str], cleaning: Cleaning, longest: int) -> Iterator[str]:
    """Yield the normalized text: it depends on neighbors, so parts must end where nothing changes across."""
    form = cleaning.normalization
    if form is None:
        yield from blocks
        return
    for part, _ in safe_parts(blocks, (), lambda text: last_safe_place(text, form), longest):
        yield unicodedata.normalize(form, part)
