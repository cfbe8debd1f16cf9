"""A text in parts has the ids of the whole, and no more of it is held than is said."""

import io
import random
import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import (
    BytePairTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    PretrainedTokenizer,
    SentencePieceTokenizer,
    TokenizerError,
    encode_file,
    encode_iterable,
    train_bpe,
)
from llm_tokenizer.bpe.boundaries import safe_places
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.spec.torture import has_surrogates, torture_texts

SPECIAL = ["<|end|>", "<|end|>>", "<|", "|>x"]
TEXT = "The cat's mat; it'll do: 12345 x=y/2\r\n\n  ÀÉß \n\t漢字かな e\u0301 ½ 'tis <|end|>>\n" * 4
TRAINED = {name: train_bpe([TEXT], vocab_size=300, pattern=name, special_tokens=SPECIAL) for name in PATTERNS}
ODD = [
    *" \n\r\t'/.!-sStTlLrReEvVaB12½",
    "\u0301",
    "漢",
    "ʰ",
    "ǅ",
    "\xa0",
    "\x1c",
    "\x85",
    "é",
    "'ll",
    *SPECIAL,
    "|>",
    "<|e",
]


def published(normalization):
    tokens = {id: bytes([id]) for id in range(256)} | {256: b" t", 257: b"he", 258: "é".encode()}
    merges = [(32, 116), (104, 101), (0xC3, 0xA9)]
    return PretrainedTokenizer(tokens, merges, pattern="cl100k", special_tokens={}, normalization=normalization)


def cut_up(text, chance):
    places = sorted(chance.choices(range(len(text) + 1), k=chance.randint(0, 6)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_safe_place_is_an_edge_in_any_text(pattern):
    chance = random.Random(pattern)
    pieces = PATTERNS[pattern].pre_tokens
    for _ in range(1500):
        text = "".join(chance.choices(ODD, k=chance.randint(2, 12)))
        for place in (found.start() for found in safe_places().finditer(text)):
            assert pieces(text[:place]) + pieces(text[place:]) == pieces(text), (text, place)


@pytest.mark.parametrize("normalization", ["NFC", "NFKC"])
@given(text=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("".join(ODD)), max_size=12))
def test_normalization_commutes_with_safe_places(normalization, text):
    pieces = PATTERNS["cl100k"].pre_tokens
    whole = pieces(unicodedata.normalize(normalization, text))
    for place in (found.start() for found in safe_places(normalization).finditer(text)):
        parts = [unicodedata.normalize(normalization, part) for part in (text[:place], text[place:])]
        assert pieces(parts[0]) + pieces(parts[1]) == whole


def test_no_character_changes_into_one_that_would_forbid_a_place():
    for code in range(0x110000):
        character = chr(code)
        if not 0xD800 <= code < 0xE000:
            for normalization in ("NFC", "NFKC"):
                normal = unicodedata.normalize(normalization, character)
                assert character.isspace() or not normal[-1].isspace(), hex(code)


@pytest.mark.parametrize("size", [1, 2, 5, 1 << 16])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_any_parts_give_the_ids_of_the_whole(monkeypatch, pattern, size):
    monkeypatch.setattr("llm_tokenizer.bpe.safe_parts.SLICE", size)
    chance, tokenizer = random.Random(size), TRAINED[pattern]
    for _ in range(120):
        text = "".join(chance.choices(ODD, k=chance.randint(0, 25)))
        for allowed in ((), ["<|end|>"], "all"):
            expected = tokenizer.encode(text, allowed_special=allowed)
            assert list(encode_iterable(tokenizer, cut_up(text, chance), allowed_special=allowed)) == expected, text


@pytest.mark.parametrize("tokenizer", [published(None), published("NFC"), published("NFKC"), ByteTokenizer(SPECIAL)])
def test_other_tokenizers_too(monkeypatch, tokenizer):
    monkeypatch.setattr("llm_tokenizer.bpe.safe_parts.SLICE", 3)
    chance = random.Random(3)
    for _ in range(300):
        text = "".join(chance.choices([*ODD, "e\u0301", "ﬁ", "ﾞ", "¨"], k=chance.randint(0, 25)))
        assert list(encode_iterable(tokenizer, cut_up(text, chance), allowed_special="all")) == tokenizer.encode(
            text, allowed_special="all"
        )


def test_torture_texts_in_parts(monkeypatch):
    monkeypatch.setattr("llm_tokenizer.bpe.safe_parts.SLICE", 97)
    for text in torture_texts().values():
        if not has_surrogates(text):
            for name in ("gpt2", "o200k"):
                assert list(encode_iterable(TRAINED[name], [text])) == TRAINED[name].encode(text)


def test_a_tokenizer_without_safe_places_takes_the_whole():
    pieces = {"▁": 256, "a": 257, "▁a": 258}
    tokenizer = SentencePieceTokenizer(pieces, range(256), scores={"▁": -1.0, "a": -2.0, "▁a": 0.0}, special_tokens={})
    assert list(encode_iterable(tokenizer, ["a ", "a"])) == tokenizer.encode("a a")
    with pytest.raises(TokenizerError, match="takes a text only as a whole, and the text has more than 2 characters"):
        list(encode_iterable(tokenizer, ["a ", "a"], longest=2))


def test_a_file_is_encoded_as_it_stands(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo \xe2\x82\xac" * 50)
    tokenizer = TRAINED["llama3"]
    expected = tokenizer.encode(path.read_bytes().decode())
    assert list(encode_file(tokenizer, path)) == expected
    assert list(encode_file(tokenizer, io.BytesIO(path.read_bytes()))) == expected
    path.write_bytes(b"ab\xff")
    with pytest.raises(TokenizerError, match=r"a\.txt: must be UTF-8, but byte 2 is 0xff"):
        list(encode_file(tokenizer, path))
    assert list(encode_file(tokenizer, path, errors="ignore")) == tokenizer.encode("ab")


def test_memory_is_bounded():
    tokenizer = ByteTokenizer()
    bounded = BytePairTokenizer([(97, 98)])
    for one, part in ((tokenizer, "a" * 2_000), (bounded, "ab cd; " * 300)):
        tracemalloc.start()
        count = sum(1 for _ in encode_iterable(one, (part for _ in range(300))))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count >= 540_000 and peak < 5_000_000


@pytest.mark.parametrize("stuff", ["a", " ", "=", "1", "漢", "\u0301"])
def test_long_pieces_are_whole_up_to_the_bound(stuff):
    tokenizer = TRAINED["gpt2"]
    parts = [stuff * 15_000] * 4
    assert list(encode_iterable(tokenizer, [*parts, " x"])) == tokenizer.encode("".join(parts) + " x")
    with pytest.raises(
        TokenizerError, match=r"longest: from character [13] on there is no place to cut .* 29999 characters"
    ):
        list(encode_iterable(tokenizer, ["a ", "=" * (stuff == " "), *parts], longest=29_999))


def test_mistakes_are_named():
    tokenizer = TRAINED["gpt2"]
    with pytest.raises(TokenizerError, match="'<x>' is not a special token here"):
        encode_iterable(tokenizer, ["a"], allowed_special=["<x>"])
    with pytest.raises(TokenizerError, match="texts: must be a collection of texts"):
        encode_iterable(tokenizer, "abc")
    with pytest.raises(TokenizerError, match=r"texts\[1\]: must be a string, was bytes"):
        list(encode_iterable(tokenizer, ["a", b"b"]))
    with pytest.raises(TokenizerError, match=r"texts\[1\] from character 0 on: character 2 is U\+D800"):
        list(encode_iterable(tokenizer, ["a", "bc\ud800"]))
    with pytest.raises(TokenizerError, match="longest: must be a whole number of at least 1"):
        encode_iterable(tokenizer, ["a"], longest=0)
    with pytest.raises(TokenizerError, match="'b'"):
        list(encode_iterable(CharacterTokenizer("a"), ["aab"]))
