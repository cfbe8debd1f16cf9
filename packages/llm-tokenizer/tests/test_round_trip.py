"""What is encoded comes back, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import BytePairTokenizer, ByteTokenizer, CharacterTokenizer, Tokenizer, TokenizerError, train_bpe
from llm_tokenizer.bpe.encoding import BoundedCache
from llm_tokenizer.bpe.splitting import PATTERNS

TRAINING_TEXT = "The cat sat on the mat.\r\nDas Kätzchen saß auf der Matte! 猫が座った。 It's 12,345 o'clock 👩‍💻\n" * 3
TRAINED = [train_bpe([TRAINING_TEXT], vocab_size=310, pattern=name, special_tokens=["<|end|>"]) for name in PATTERNS]
BYTES = ByteTokenizer(["<|end|>"])
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("the cat\r\n 's猫ä1"), max_size=60)


@pytest.mark.parametrize("tokenizer", [*TRAINED, BYTES], ids=[*PATTERNS, "bytes"])
@given(text=texts)
def test_any_text_comes_back(tokenizer, text):
    for allowed in ([], ["<|end|>"]):
        ids = tokenizer.encode(text, allowed_special=allowed)
        assert tokenizer.decode(ids) == text
        assert tokenizer.decode_bytes(ids) == text.encode() == b"".join(map(tokenizer.token_bytes, ids))
        assert all(0 <= id < tokenizer.vocab_size for id in ids)


@given(text=texts)
def test_characters_come_back(text):
    tokenizer = CharacterTokenizer(text or "a")
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(text)) == len(text)


@given(data=st.lists(st.integers(0, 309), max_size=30))
def test_any_ids_decode(data):
    for tokenizer in TRAINED:
        assert tokenizer.decode(data) == tokenizer.decode_bytes(data).decode("utf-8", "replace")


def test_a_vocabulary_shortens_the_text_it_was_trained_on():
    for tokenizer in TRAINED:
        assert len(tokenizer.encode(TRAINING_TEXT)) < 0.6 * len(TRAINING_TEXT.encode())


@pytest.mark.parametrize("tokenizer", [*TRAINED, BYTES, CharacterTokenizer(TRAINING_TEXT)])
def test_all_keep_the_protocol(tokenizer):
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.encode_batch(["the", "", "cat"]) == [tokenizer.encode("the"), [], tokenizer.encode("cat")]
    assert tokenizer.decode([]) == "" and tokenizer.encode("") == []


@pytest.mark.parametrize("bad", [-1, 310, 10**30, 1.0, "3", None])
def test_an_id_that_does_not_exist_is_refused_with_its_place(bad):
    with pytest.raises(TokenizerError, match=r"ids\[1\]: must be a whole number from 0 to 309, was"):
        TRAINED[0].decode([5, bad])
    with pytest.raises(TokenizerError, match=r"id: must be a whole number from 0 to 309"):
        TRAINED[0].token_bytes(bad)


def test_ids_may_be_numpy_numbers():
    import numpy as np

    ids = np.array(TRAINED[0].encode("the cat"), dtype=np.uint16)
    assert TRAINED[0].decode(ids) == "the cat" and TRAINED[0].token_bytes(ids[0]) == TRAINED[0].token_bytes(int(ids[0]))


@pytest.mark.parametrize("tokenizer", [TRAINED[0], BYTES])
def test_half_a_surrogate_pair_is_refused_with_its_place(tokenizer):
    with pytest.raises(TokenizerError, match=r"text: character \d is U\+D83D, half of a surrogate pair"):
        tokenizer.encode("ab\ud83d")


def test_an_unknown_character_is_refused_with_its_place():
    with pytest.raises(TokenizerError, match=r"text: character 2 is 'c' \(U\+0063\), which is not among the 2"):
        CharacterTokenizer("ab").encode("abc")


@pytest.mark.parametrize("text", [b"bytes", None, 5, ["a"]])
def test_what_is_no_text_is_refused(text):
    for tokenizer in (TRAINED[0], BYTES, CharacterTokenizer("a")):
        with pytest.raises(TokenizerError, match="text: must be a string"):
            tokenizer.encode(text)


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr("llm_tokenizer.bpe.encoding.REMEMBERED", 10)
    asked = []
    cache = BoundedCache(lambda text: asked.append(text) or [len(text)])
    words = [f"word{number}" for number in range(100)]
    assert [cache[word] for word in words * 2] == [[len(word)] for word in words * 2]
    assert len(cache) <= 10 and len(asked) == 200
    assert cache["word99"] == [6] and len(asked) == 200
    assert cache["a" * 10_000] == [10_000] and "a" * 10_000 not in cache
    tokenizer = BytePairTokenizer(TRAINED[0].merges)
    assert tokenizer.encode(" ".join(words)) == TRAINED[0].encode(" ".join(words))
