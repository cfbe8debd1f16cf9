"""The quick training learns what the naive one learns."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import CharacterTokenizer, TokenizerError, reference, train_bpe
from llm_tokenizer.training import count_pieces, learn_merges


@pytest.mark.parametrize("seed", range(150))
def test_quick_and_naive_training_agree(seed):
    chance = random.Random(seed)
    alphabet = chance.choice(["ab", "aaab \n", "abc é", "\x00\x7f\u00ad ~!z", "abcdefgh '1"])
    texts = ["".join(chance.choices(alphabet, k=chance.randint(0, 60))) for _ in range(chance.randint(1, 4))]
    wanted = chance.randint(0, 50)
    pieces = [piece for text in texts for piece in reference.split_text(text, "gpt2")]
    expected = [tuple(merge) for merge in reference.train_bpe(pieces, 256 + wanted)]
    assert learn_merges(count_pieces(texts, "gpt2"), wanted) == expected


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=8), st.integers(0, 12))
def test_they_agree_on_any_pieces(pieces, wanted):
    counts = {piece: pieces.count(piece) for piece in pieces}
    expected = [tuple(merge) for merge in reference.train_bpe(pieces, 256 + wanted)]
    assert learn_merges(counts, wanted) == expected


def test_the_order_of_texts_changes_nothing():
    texts = ["the cat", "a mat sat", "that hat", "cat hat"]
    forward = train_bpe(texts, vocab_size=266)
    assert forward.merges == train_bpe(reversed(texts), vocab_size=266).merges


def test_ids_are_bytes_then_merges_then_special_tokens():
    tokenizer = train_bpe(["abab"], vocab_size=259, special_tokens=["<|x|>"])
    assert tokenizer.token_bytes(97) == b"a"
    assert tokenizer.token_bytes(256) == b"ab" and tokenizer.token_bytes(257) == b"abab"
    assert dict(tokenizer.special_tokens) == {"<|x|>": 258} and tokenizer.vocab_size == 259


def test_progress_is_told_after_every_merge():
    told = []
    train_bpe(["abcd abcd"], vocab_size=259, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_too_large_a_vocabulary_is_refused_with_the_largest_possible():
    with pytest.raises(TokenizerError, match="vocab_size: these texts give at most 258 tokens, 400 were wanted"):
        train_bpe(["abc"], vocab_size=400)
    assert train_bpe(["abc"], vocab_size=258).vocab_size == 258
    with pytest.raises(TokenizerError, match="at most 259 tokens"):
        train_bpe(["abc"], vocab_size=400, special_tokens=["<|x|>"])


@pytest.mark.parametrize("vocab_size", [255, 0, -1, 256, 300.0, "300", None, True])
def test_too_small_a_vocabulary_is_refused(vocab_size):
    with pytest.raises(TokenizerError, match=r"vocab_size: must be a whole number of at least 257 \(256 bytes and 1"):
        train_bpe(["abc"], vocab_size=vocab_size, special_tokens=["<|x|>"])


def test_other_mistakes_are_named():
    with pytest.raises(TokenizerError, match="texts: must be a collection of texts, was one string"):
        train_bpe("abc", vocab_size=257)
    with pytest.raises(TokenizerError, match="half of a surrogate pair"):
        train_bpe(["a\udc00"], vocab_size=257)
    with pytest.raises(TokenizerError, match="pattern"):
        train_bpe(["abc"], vocab_size=257, pattern="gpt5")
    with pytest.raises(TokenizerError, match="texts: must hold at least one character"):
        CharacterTokenizer.train(["", ""])
    with pytest.raises(TokenizerError, match="characters: must be a string that is not empty"):
        CharacterTokenizer("")


def test_characters_are_numbered_by_code_point():
    tokenizer = CharacterTokenizer.train(["cab", "zé"], ["<|end|>"])
    assert tokenizer.characters == "abczé" and tokenizer.special_tokens["<|end|>"] == 5
    assert tokenizer.encode("bé") == [1, 4] and tokenizer.vocab_size == 6
