"""The quick training learns what the naive one learns."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import CharacterTokenizer, EarlyStop, TokenizerError, reference, train_bpe
from llm_tokenizer.bpe.counting import count_pre_tokens
from llm_tokenizer.bpe.training import learn_merges


@pytest.mark.parametrize("seed", range(150))
def test_quick_and_naive_training_agree(seed):
    chance = random.Random(seed)
    alphabet = chance.choice(["ab", "aaab \n", "abc é", "\x00\x7f\u00ad ~!z", "abcdefgh '1"])
    texts = ["".join(chance.choices(alphabet, k=chance.randint(0, 60))) for _ in range(chance.randint(1, 4))]
    wanted = chance.randint(0, 50)
    pieces = [piece for text in texts for piece in reference.split_text(text, "gpt2")]
    expected = [tuple(merge) for merge in reference.train_bpe(pieces, 256 + wanted)]
    assert learn_merges(count_pre_tokens(texts, "gpt2"), wanted) == expected


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
    with pytest.raises(TokenizerError, match="vocab_size: these texts allow at most 258 tokens, 400 were wanted"):
        train_bpe(["abc"], vocab_size=400)
    assert train_bpe(["abc"], vocab_size=258).vocab_size == 258
    with pytest.raises(TokenizerError, match="at most 259 tokens"):
        train_bpe(["abc"], vocab_size=400, special_tokens=["<|x|>"])


@pytest.mark.parametrize("vocab_size", [255, 0, -1, 256, 300.0, "300", None, True])
def test_too_small_a_vocabulary_is_refused(vocab_size):
    with pytest.raises(TokenizerError, match=r"vocab_size: must be .* at least 257 \(256 for the bytes, 1 for special"):
        train_bpe(["abc"], vocab_size=vocab_size, special_tokens=["<|x|>"])


def test_other_mistakes_are_named():
    with pytest.raises(TokenizerError, match="texts: must be a collection of texts, was one string"):
        train_bpe("abc", vocab_size=257)
    with pytest.raises(TokenizerError, match="texts: must be a collection of texts, was None"):
        train_bpe(None, vocab_size=257)
    with pytest.raises(TokenizerError, match=r"texts\[1\]: must be a string, was bytes"):
        train_bpe(["a", b"x"], vocab_size=257)
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


def sentences(seed, number=40):
    chance = random.Random(seed)
    words = ["the", "sea", "seen", "és", "then", "they're", "12", "\n", "  ", "A", "猫"]
    return [" ".join(chance.choices(words, k=chance.randint(0, 30))) for _ in range(number)]


@pytest.mark.parametrize("seed", range(40))
def test_pairs_below_the_minimum_frequency_are_not_merged(seed):
    texts = sentences(seed, 3)
    least = 2 + seed % 4
    pieces = [piece for text in texts for piece in reference.split_text(text, "gpt2")]
    every = reference.train_bpe(pieces, 400)
    words, expected = [list(piece.encode()) for piece in pieces], []
    for k, (left, right) in enumerate(every):  # the counts of the naive reference fall from merge to merge
        if sum(word[place : place + 2] == [left, right] for word in words for place in range(len(word))) < least:
            break
        words = [reference.merge_pair(word, [left, right], 256 + k) for word in words]
        expected.append((left, right))
    assert learn_merges(count_pre_tokens(texts, "gpt2"), 144, min_frequency=least) == expected


def test_the_reason_of_an_early_stop_is_said():
    with pytest.warns(
        EarlyStop, match="stopped at 258 tokens where 400 were allowed: with 258 every pre-token is a single"
    ):
        assert train_bpe(["abc"], vocab_size=400, allow_smaller=True).vocab_size == 258
    with pytest.warns(EarlyStop, match="no pair is left that occurs 3 times") as told:
        assert train_bpe(["ab ab ab c"], vocab_size=400, allow_smaller=True, min_frequency=3).vocab_size == 257
    assert told[0].filename == __file__
    with pytest.raises(TokenizerError, match="at most 257 tokens, 400 were wanted: with 257 no pair is left"):
        train_bpe(["ab ab ab c"], vocab_size=400, min_frequency=3)


def test_special_tokens_are_edges_and_are_not_learned_from():
    text = "ab<|end|>ab<|end|>ab<|end|><|end" + "<|end|>>ab"
    tokenizer = train_bpe([text], vocab_size=260, special_tokens=["<|end|>", "<|end|>>"])
    assert tokenizer.merges[0] == (97, 98) and tokenizer.decode([256]) == "ab"
    assert sum(count_pre_tokens([text], "gpt2", special_tokens=["<|end|>", "<|end|>>"]).values()) == 4 + 2
    assert sum(count_pre_tokens([text], "gpt2").values()) > 6


@pytest.mark.parametrize("processes", [2, 3])
def test_any_number_of_processes_counts_the_same(monkeypatch, processes):
    monkeypatch.setattr("llm_tokenizer.bpe.counting.BATCH_CHARACTERS", 500)
    texts = sentences(1, 60)
    for max_unique_pre_tokens in (None, 8):
        settings = {"vocab_size": 264, "special_tokens": ["A"], "max_unique_pre_tokens": max_unique_pre_tokens}
        alone = train_bpe(texts, **settings)
        assert train_bpe(iter(texts), processes=processes, **settings).merges == alone.merges


def test_counting_holds_its_bound(monkeypatch):
    monkeypatch.setattr("llm_tokenizer.bpe.counting.BATCH_CHARACTERS", 100)
    stream = (f"common w{number} " for number in range(3000))
    counts = count_pre_tokens(stream, "gpt2", max_unique_pre_tokens=200)
    assert len(counts) <= 200 and counts["common"] == 3000
    assert count_pre_tokens(["a b"] * 9, "gpt2", max_unique_pre_tokens=3) == {"a": 9, " b": 9}


def test_a_stream_larger_than_the_bound_is_not_kept(monkeypatch):
    import tracemalloc

    monkeypatch.setattr("llm_tokenizer.bpe.counting.BATCH_CHARACTERS", 10_000)
    tracemalloc.start()
    tokenizer = train_bpe((f"{number % 9} sea and land " * 300 for number in range(250)), vocab_size=263)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tokenizer.vocab_size == 263 and peak < 600_000 < 250 * 300 * 14


@pytest.mark.parametrize("argument", ["processes", "min_frequency", "max_unique_pre_tokens"])
@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True])
def test_counts_must_be_counts(argument, bad):
    with pytest.raises(TokenizerError, match=f"{argument}: must be a whole number of at least 1, was"):
        train_bpe(["abab"], vocab_size=257, **{argument: bad})
