"""Read the documents of a file: all of it, at once or in blocks, the lines between separators, a field of a JSON line.

A document comes after its place: the file, and the line where a file may hold several.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from llm_tokenizer.bpe.boundaries import last_safe_place
from llm_tokenizer.bpe.safe_parts import safe_parts
from llm_tokenizer.corpus.cleaning import Cleaning
from llm_tokenizer.corpus.unicode_decoding import Errors, Source, decoded_blocks, source_name
from llm_tokenizer.interface import TokenizerError

_HALF_PAIR = re.compile("[\ud800-\udfff]")


def one_document(source: Source, cleaning: Cleaning, errors: Errors) -> Iterator[tuple[str, str]]:
    """Yield the file as one document; none if it is empty."""
    text = cleaning.clean("".join(decoded_blocks(source, errors=errors)), name=source_name(source))
    if text:
        yield source_name(source), text


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
    for block in _never_within_a_break(decoded_blocks(source, errors=errors)):
        text = cleaning.clean(block, name=source_name(source), line=line)
        line += text.count("\n")
        yield text


def separated(source: Source, separator: str, cleaning: Cleaning, errors: Errors) -> Iterator[tuple[str, str]]:
    """Yield the documents between lines that are the separator and nothing else."""
    document: list[str] = []
    start = 1
    for number, line in enumerate(_lines(decoded_blocks(source, errors=errors)), start=1):
        if line.rstrip("\r\n") == separator:
            yield from _document(document, cleaning, source_name(source), start)
            document, start = [], number + 1
        else:
            document.append(line)
    yield from _document(document, cleaning, source_name(source), start)


def fields(source: Source, field: str, cleaning: Cleaning, errors: Errors) -> Iterator[tuple[str, str]]:
    """Yield one field of the JSON object in each line; `meta.text` is the field `text` of the object `meta`."""
    for place, record in records(source, errors):
        value: Any = record
        for name in field.split("."):
            if not isinstance(value, dict) or name not in value:
                keys = list(value) if isinstance(value, dict) else []
                there = ", ".join(map(repr, keys[:8])) or ("none" if isinstance(value, dict) else "no object")
                near = (get_close_matches(name, keys, n=1, cutoff=0.5) or ["NAME"]) if value is record else ["NAME"]
                raise TokenizerError(
                    f"{place} must have the field {field!r} (it has {there})", option=f"field={near[0]}"
                )
            value = value[name]
        if not isinstance(value, str):
            raise TokenizerError(
                f"{place}: the field {field!r} must be a string, is {value!r:.40}", option="field=NAME"
            )
        if errors != "strict":
            value = _HALF_PAIR.sub("\ufffd" if errors == "replace" else "", value)
        elif found := _HALF_PAIR.search(value):
            raise TokenizerError(
                f"{place}: the field {field!r} holds U+{ord(found.group()):04X}, half of a surrogate pair; correct it",
                option="errors=replace",
            )
        if text := cleaning.clean(value, name=f"{place}, field {field!r}"):
            yield place, text


def records(source: Source, errors: Errors) -> Iterator[tuple[str, Any]]:
    """Yield what each line of JSON contains, after its place; blank lines are skipped."""
    for number, line in enumerate(_lines(decoded_blocks(source, errors=errors)), start=1):
        place = f"{source_name(source)}: line {number}"
        if line.isspace():
            continue
        try:
            yield place, json.loads(line)
        except RecursionError:
            raise TokenizerError(f"{place} must be JSON, but is nested too deeply") from None
        except ValueError as error:
            raise TokenizerError(f"{place} must be JSON, but is not: {error}") from None


def _document(lines: list[str], cleaning: Cleaning, name: str, start: int) -> Iterator[tuple[str, str]]:
    """Yield one document, or none if nothing is between two separators."""
    if text := cleaning.clean("".join(lines), name=name, line=start):
        yield f"{name}: line {start}", text


def _lines(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the lines with their line breaks: LF, CR LF or a lone CR."""
    held: list[str] = []  # the line so far; joined once, so that a line of a gigabyte costs no more than that
    for block in _never_within_a_break(blocks):
        *whole, last = _LINE_END.split(block)
        for line, line_break in zip(whole[::2], whole[1::2], strict=True):
            yield "".join([*held, line, line_break])
            held = []
        if last:
            held.append(last)
    if held:
        yield "".join(held)


_LINE_END = re.compile("(\r\n|\r|\n)")


def _never_within_a_break(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the same text in blocks that never end between CR and LF."""
    held = ""
    for block in blocks:
        block = held + block
        held = "\r" if block.endswith("\r") else ""
        yield block[: len(block) - len(held)]
    yield held
