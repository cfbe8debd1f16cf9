"""One vocabulary on all of the real text: our ids against those of its own library, document by document."""

from __future__ import annotations

import operator
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress, zip_longest
from pathlib import Path

from oracles import Encode, oracle
from texts import documents
from unicode_tables import differing

from llm_tokenizer import BytePairTokenizer, PretrainedTokenizer, Tokenizer, TokenizerError, load_tokenizer

SAMPLE = 40  # one document of so many goes through the clear way as well as the fast one


@dataclass(kw_only=True)
class Comparison:
    """What came of it; sizes are bytes.

    `left_out` are lines with characters of which the library knows other things. Of these `explained` are those for
    which it gives our ids once their text has been normalized by Python: there it is the normal form that differs.
    `refused` is what our tokenizer has no ids for.
    """

    name: str
    library: str
    way: str
    compared: int = 0
    tokens: int = 0
    sampled: int = 0
    left_out: int = 0
    explained: int = 0
    refused: int = 0
    unlike: int = 0
    unlike_there: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def compare(name: str, vocabularies: Path) -> Comparison:
    """Every document, but for lines with a character of which the library knows other things than we do."""
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    theirs = oracle(name, vocabularies)
    clear = load_tokenizer(theirs.ours)
    encode, way = quickest(clear)
    normalizes = getattr(clear, "normalization", None) is not None and theirs.library.startswith("tokenizers")
    unlike = differing(theirs.library, getattr(clear, "pattern", None), normalizes=normalizes)
    found = Comparison(name=name, library=theirs.library, way=way, unlike=len(unlike))
    there: set[str] = set()
    for number, document in enumerate(documents(vocabularies / "texts")):
        text = document.text
        if met := unlike.intersection(text):
            there |= met
            text, lines = _lines_apart(text, met)
            found.left_out += len(lines.encode())
            if normalizes and theirs.plain(unicodedata.normalize("NFC", lines)) == encode(lines):
                found.explained += len(lines.encode())
        _compare_one(found, text, theirs.plain, encode, clear if number % SAMPLE == 0 else None)
    found.unlike_there = sorted(f"U+{ord(character):04X}" for character in there)
    return found


def quickest(tokenizer: Tokenizer) -> tuple[Encode, str]:
    """The fast encoder, if it does what this tokenizer does, and else the tokenizer itself."""
    from llm_tokenizer.bpe.fast import FastEncoder

    normalization = getattr(tokenizer, "normalization", None)
    try:
        if normalization is None:
            fast = FastEncoder(tokenizer)
            return (lambda text: fast.encode(text).tolist()), "fast"
        bare = FastEncoder(_without_normalization(tokenizer))
        return (lambda text: bare.encode(unicodedata.normalize(normalization, text)).tolist()), "fast"
    except TokenizerError:
        return tokenizer.encode, "clear"


def _without_normalization(tokenizer: PretrainedTokenizer) -> PretrainedTokenizer:
    return PretrainedTokenizer(
        tokenizer.tokens,
        tokenizer.merges,
        pattern=tokenizer.pattern,
        special_tokens={},
        ignore_merges=tokenizer.ignore_merges,
    )


def _compare_one(found: Comparison, text: str, theirs: Encode, ours: Encode, clear: Tokenizer | None) -> None:
    size = len(text.encode())
    try:
        ids = ours(text)
    except TokenizerError as error:
        if "no token for the byte" not in str(error):
            raise
        found.refused += size
        return
    found.compared += size
    found.tokens += len(ids)
    expected = theirs(text)
    if ids != expected:
        found.differences.append(_first_difference(text, expected, ids))
    if clear is not None:
        found.sampled += size
        for way, again in {"clear": clear.encode(text), "array": _as_array(clear, text)}.items():
            if again is not None and again != ids:
                found.differences.append(f"{way}: {_first_difference(text, ids, again)}")


def _as_array(tokenizer: Tokenizer, text: str) -> list[int] | None:
    if isinstance(tokenizer, (BytePairTokenizer, PretrainedTokenizer)):
        return tokenizer.encode_to_array(text).tolist()
    return None


def _lines_apart(text: str, characters: Iterable[str]) -> tuple[str, str]:
    """The lines without any of these characters, and those with one."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    there = set(characters)
    with_one = [not there.isdisjoint(line) for line in lines]
    return "".join(compress(lines, map(operator.not_, with_one))), "".join(compress(lines, with_one))


def _first_difference(text: str, expected: list[int], ids: list[int]) -> str:
    place = next((k for k, (one, other) in enumerate(zip_longest(expected, ids)) if one != other), 0)
    return f"{text[:40]!r}: from id {place} on {expected[place : place + 5]} and not {ids[place : place + 5]}"
