"""Read a file of any size in parts, for training, which need not see a document as a whole."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from llm_tokenizer.bpe.boundaries import last_safe_place
from llm_tokenizer.bpe.safe_parts import safe_parts
from llm_tokenizer.corpus.cleaning import Cleaning
from llm_tokenizer.corpus.documents import never_within_a_break
from llm_tokenizer.corpus.unicode_decoding import Errors, Source, decoded_blocks, source_name


def clean_blocks(source: Source, cleaning: Cleaning, errors: Errors, longest: int) -> Iterator[str]:
    """Yield the clean text of a file; it is normalized in parts that end where nothing changes across."""
    form = cleaning.normalization
    blocks = _clean_by_character(source, replace(cleaning, normalization=None), errors)
    if form is None:
        yield from blocks
        return
    for part, _ in safe_parts(blocks, (), lambda text: last_safe_place(text, form), longest):
        yield unicodedata.normalize(form, part)


def _clean_by_character(source: Source, cleaning: Cleaning, errors: Errors) -> Iterator[str]:
    line = 1
    for block in never_within_a_break(decoded_blocks(source, errors=errors)):
        text = cleaning.clean(block, name=source_name(source), line=line)
        line += text.count("\n")
        yield text
