"""Special tokens: plain characters unless they are allowed by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import (
    BytePairTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    TokenizerError,
    encode_iterable,
    find_duplicates,
    normalize_text,
    special,
    summarize,
    train_bpe,
)

NAMES = ["<|end|>", "<|end|>>", "<|", ".*"]
BYTES = ByteTokenizer(NAMES)
END, LONGER, OPEN, DOTS = (BYTES.special_tokens[name] for name in NAMES)


@pytest.mark.parametrize(
    "tokenizer", [BYTES, BytePairTokenizer([(60, 124)], special_tokens=NAMES), CharacterTokenizer("<|end>.*ab", NAMES)]
)
def test_they_are_plain_characters_by_default(tokenizer):
    ids = tokenizer.encode("a<|end|>b")
    assert not set(ids) & set(tokenizer.special_tokens.values())
    allowed = tokenizer.encode("a<|end|>b", allowed_special=["<|end|>"])
    assert allowed == [*tokenizer.encode("a"), tokenizer.special_tokens["<|end|>"], *tokenizer.encode("b")]
    assert tokenizer.decode(allowed) == "a<|end|>b"


@pytest.mark.parametrize(
    ("text", "allowed", "ids"),
    [
        ("<|end|><|end|>", ["<|end|>"], [END, END]),  # adjacent
        ("<|end|>>", ["<|end|>", "<|end|>>"], [LONGER]),  # the longest first
        ("<|end|>>", ["<|end|>"], [END, 62]),  # but only of those that are allowed
        ("<|end|>", ["<|", "<|end|>"], [END]),  # nested
        ("<<|end|>", ["<|end|>"], [60, END]),
        ("<|en", ["<|end|>"], [60, 124, 101, 110]),  # broken
        ("a.*b", [".*"], [97, DOTS, 98]),  # no regular expression
        ("ab", [".*"], [97, 98]),
        ("", ["<|end|>"], []),
    ],
)
def test_where_they_are_found(text, allowed, ids):
    assert BYTES.encode(text, allowed_special=allowed) == ids
    assert BYTES.encode(text, allowed_special=set(allowed)) == ids


@given(
    st.lists(st.sampled_from([*NAMES, "<", "|", "a", ">"]), max_size=8).map("".join), st.sets(st.sampled_from(NAMES))
)
def test_the_text_comes_back_whatever_is_allowed(text, allowed):
    assert BYTES.decode(BYTES.encode(text, allowed_special=allowed)) == text


def test_thousands_of_names_are_sorted_only_once(monkeypatch):
    tokenizer = ByteTokenizer([f"<unused{k}>" for k in range(5000)])
    expected = [97, 256 + 77]
    assert tokenizer.encode("a<unused77>", allowed_special="all") == expected
    monkeypatch.setattr(special, "any_of", None)
    assert tokenizer.encode("a<unused77>", allowed_special="all") == expected


def test_mistakes_are_named():
    with pytest.raises(
        TokenizerError, match=r"allowed_special: '<\|x\|>' is not a special token here \(there are: '<\|end"
    ):
        BYTES.encode("a", allowed_special=["<|x|>"])
    with pytest.raises(TokenizerError, match="there are: none"):
        ByteTokenizer().encode("a", allowed_special=["<|x|>"])
    with pytest.raises(TokenizerError, match="allowed_special: must be a collection of names, was the one string"):
        BYTES.encode("a", allowed_special="<|end|>")
    with pytest.raises(TokenizerError, match="special_tokens: must be a list of names"):
        ByteTokenizer("<|end|>")
    with pytest.raises(TokenizerError, match=r"special_tokens\[1\]: 'x' occurs twice"):
        ByteTokenizer(["x", "x"])
    with pytest.raises(TokenizerError, match=r"special_tokens\[0\]: must be a string that is not empty, was ''"):
        ByteTokenizer([""])
    with pytest.raises(TokenizerError, match=r"special_tokens\[0\]: character 0 is U\+D800"):
        ByteTokenizer(["\ud800"])


def test_the_mapping_cannot_be_changed():
    with pytest.raises(TypeError):
        BYTES.special_tokens["new"] = 1


@pytest.mark.parametrize(
    ("take", "name"),
    [
        (lambda texts: train_bpe(texts, vocab_size=257), "texts"),
        (CharacterTokenizer.train, "texts"),
        (BYTES.encode_batch, "texts"),
        (lambda texts: list(encode_iterable(BYTES, texts)), "texts"),
        (find_duplicates, "documents"),
        (summarize, "documents"),
    ],
)
def test_one_text_is_not_taken_for_many(take, name):
    for texts, message in (
        ("abc", f"{name}: must be a collection of texts, was one string; put it into a list"),
        (5, f"{name}: must be a collection of texts, was 5"),
        (["abc", b"abc"], rf"{name}\[1\]: must be a string, was bytes"),
        (b"abc", rf"{name}\[0\]: must be a string, was int"),
    ):
        with pytest.raises(TokenizerError, match=message):
            take(texts)


def test_a_text_is_a_string():
    for take in (BYTES.encode, normalize_text, BytePairTokenizer([]).encode_to_array):
        with pytest.raises(TokenizerError, match="text: must be a string, was bytes"):
            take(b"abc")
