"""Patterns: the regular expression, the stretches and the hand-written rules cut alike."""

import re
import sys

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_tokenizer import BytePairTokenizer, TokenizerError, reference
from llm_tokenizer.bpe.splitting import PATTERNS, SPACE, find_pattern

# Characters on which the rules turn, and only such that no recent version of Unicode has reclassified.
TURNING = [*"abAB'’sStTlLdDmMrRvVeE019 \n\r\t/!.-_ª", "  ", "\u00a0", "\u3000", "\u0085", "\x1c", "\x1f", "\u2028"]
TURNING += [
    "\u0301",
    "\u200d",
    "👩",
    "ſ",
    "İ",
    "ß",
    "ǅ",
    "漢",
    "ٱ",
    "٣",
    "½",
    "\ufeff",
    "\u180e",
    "'ll",
    "'LL",
    "\r\n",
    "ʰ",
]
turning_texts = st.lists(st.sampled_from(TURNING), max_size=14).map("".join)


def test_white_space_is_what_unicode_says():
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    assert re.findall(SPACE, text) == regex.findall(r"\s", text)


@pytest.mark.parametrize("name", PATTERNS)
@settings(max_examples=400)
@given(text=turning_texts)
def test_three_ways_to_cut_agree(name, text):
    pattern = PATTERNS[name]
    pieces = pattern.pre_tokens(text)
    assert pieces == reference.split_text(text, name)
    assert pieces == [piece for stretch in pattern.chunks(text) for piece in pattern.pre_tokens(stretch)]
    assert "".join(pieces) == text and "".join(pattern.chunks(text)) == text


@pytest.mark.parametrize("name", PATTERNS)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_nothing_is_lost_in_any_text(name, text):
    pattern = PATTERNS[name]
    pieces = pattern.pre_tokens(text)
    assert "".join(pieces) == text
    assert pieces == [piece for stretch in pattern.chunks(text) for piece in pattern.pre_tokens(stretch)]


def test_python_and_regex_agree_on_white_space():
    every = map(chr, [*range(0xD800), *range(0xE000, 0x110000)])
    space = PATTERNS["gpt2"].chunks
    for character in every:
        is_space = len(space(f"a{character}")) == 2 or character in reference.cutting.WHITE_SPACE
        assert is_space == (character in reference.cutting.WHITE_SPACE)


@pytest.mark.parametrize(
    ("name", "nearest"), [("gpt-2", "gpt2"), ("GPT2", "gpt2"), ("cl100k_base", "cl100k"), ("llama-3", "llama3")]
)
def test_an_unknown_pattern_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(TokenizerError, match=f"pattern: must be one of gpt2, .*was '{name}'; did you mean '{nearest}'"):
        find_pattern(name)


@pytest.mark.parametrize("name", ["", "zzzzzz", None, 3, ["gpt2"]])
def test_anything_else_is_refused_too(name):
    with pytest.raises(TokenizerError, match="pattern: must be one of"):
        BytePairTokenizer([], pattern=name)
