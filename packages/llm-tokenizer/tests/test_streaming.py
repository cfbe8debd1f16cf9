"""Text as it comes: never half a character, and in the end the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import ByteTokenizer, IncrementalDecoder, SentencePieceTokenizer, TokenizerError, reference

BYTES = ByteTokenizer(["<|end|>"])


def streamed(ids):
    decoder = IncrementalDecoder(BYTES)
    return [*map(decoder.feed, ids), decoder.finish()]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_part_holds_half_a_character(text):
    parts = streamed(BYTES.encode(text))
    assert "".join(parts) == text
    assert [part for part in parts if part] == list(text)


@given(st.binary() | st.lists(st.sampled_from([0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0xFF, 0x41, 256])))
def test_any_bytes_give_what_decode_gives(ids):
    assert "".join(streamed(ids)) == BYTES.decode(ids)


PIECES = {"▁": 256, "a": 257, "▁a": 258, "é": 259}
SCORES = {"▁": -4.0, "a": -2.0, "▁a": -1.0, "é": -3.0}
WITH_BLANK = SentencePieceTokenizer(PIECES, range(256), scores=SCORES, special_tokens={"<s>": 260, "</s>": 261})


@given(st.lists(st.sampled_from([0x20, 0x41, 0xC3, 0xA9, 256, 257, 258, 259, 260, 261])))
def test_a_blank_that_encoding_put_before_a_text_does_not_come_back(ids):
    decoder = IncrementalDecoder(WITH_BLANK)
    assert "".join([*map(decoder.feed, ids), decoder.finish()]) == WITH_BLANK.decode(ids)


def test_in_the_middle_of_a_text_the_blank_is_of_the_text():
    decoder = IncrementalDecoder(WITH_BLANK, continued=True)
    assert [decoder.feed(id) for id in (258, 258, 260, 258)] == [" a", " a", "<s>", "a"]


def test_a_character_that_never_becomes_whole():
    assert streamed([0x41, 0xE2, 0x82]) == ["A", "", "", "\ufffd"]


def test_mistakes_are_named():
    decoder = IncrementalDecoder(BYTES)
    with pytest.raises(TokenizerError, match="id: must be a whole number from 0 to 256, was 257"):
        decoder.feed(257)
    decoder.finish()
    with pytest.raises(TokenizerError, match="was finished already"):
        decoder.feed(65)


@given(st.lists(st.sampled_from([0x41, 0xC3, 0xA9, 0xE0, 0xA0, 0x80, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F, 0xFF, 0xC0])))
def test_each_part_comes_as_soon_as_it_is_certain(ids):
    assert streamed(ids) == reference.stream_decode(ids, [])


def test_half_a_surrogate_pair_holds_nothing_up():
    assert streamed([0xED, 0xA0, 0x41]) == ["", "\ufffd\ufffd", "A", ""]
