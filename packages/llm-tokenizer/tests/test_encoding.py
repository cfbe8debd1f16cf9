"""The quick encoding gives the naive one's ids, and long pieces do not take for ever."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tokenizer import BytePairTokenizer, TokenizerError, reference
from llm_tokenizer.bpe.encoding import encode_pre_token, merge_long, merge_short
from llm_tokenizer.bpe.training import learn_merges

letters = st.text("ab ", max_size=24)


class CountingRanks(dict):
    """Ranks that count how often they are asked."""

    asked = 0

    def get(self, pair, default=None):
        self.asked += 1
        return super().get(pair, default)


@given(training=st.lists(letters, min_size=1, max_size=6), piece=letters, wanted=st.integers(0, 20))
def test_three_ways_to_encode_agree(training, piece, wanted):
    merges = learn_merges(dict.fromkeys(training, 1), wanted)
    rank_of = {pair: 256 + k for k, pair in enumerate(merges)}
    expected = reference.encode_bpe([piece], merges)
    assert merge_short(list(piece.encode()), rank_of) == merge_long(list(piece.encode()), rank_of) == expected
    assert reference.decode_bpe(expected, merges) == piece.encode()


@given(data=st.data())
def test_they_agree_on_merges_that_no_training_would_learn(data):
    merges, tokens = [], [b"a", b"b", b"c"]
    ids = [97, 98, 99]
    for _ in range(data.draw(st.integers(0, 10))):
        left, right = data.draw(st.sampled_from(range(len(ids)))), data.draw(st.sampled_from(range(len(ids))))
        if tokens[left] + tokens[right] not in tokens:
            merges.append((ids[left], ids[right]))
            tokens.append(tokens[left] + tokens[right])
            ids.append(255 + len(merges))
    piece = data.draw(st.text("abc", max_size=40))
    rank_of = {pair: 256 + k for k, pair in enumerate(merges)}
    expected = reference.encode_bpe([piece], merges)
    assert merge_short(list(piece.encode()), rank_of) == merge_long(list(piece.encode()), rank_of) == expected
    assert BytePairTokenizer(merges).decode(expected) == piece


@pytest.mark.parametrize(
    "make", [lambda n: "a" * n, lambda n: "ab" * (n // 2), lambda n: "".join(random.choices("abc", k=n))]
)
def test_long_pieces_take_time_in_proportion(make):
    random.seed(1)
    rank_of = CountingRanks(
        {(97, 97): 256, (256, 256): 257, (97, 98): 258, (258, 258): 259, (257, 97): 260, (99, 258): 261}
    )
    asked = []
    for length in (10_000, 20_000):
        rank_of.asked = 0
        encode_pre_token(make(length).encode(), rank_of)
        asked.append(rank_of.asked)
    assert asked[1] <= 2.2 * asked[0] and asked[1] <= 8 * 20_000


def test_a_long_run_of_one_letter():
    tokenizer = BytePairTokenizer([(97, 97), (256, 256), (257, 257)])
    ids = tokenizer.encode("a" * 100_001)
    assert ids == [258] * 12_500 + [97]


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ([(97, 256)], r"merges\[0\]: must join two ids from 0 to 255"),
        ([(97, 98), (-1, 97)], r"merges\[1\]: must join two ids from 0 to 256"),
        ([(97, 98), (97, 98)], r"merges\[1\]: \(97, 98\) makes the token b'ab', which merges\[0\] makes already"),
        ([(97, 98), (98, 99), (256, 99), (97, 257)], r"merges\[3\]: .* makes the token b'abc', which merges\[2\]"),
    ],
)
def test_merges_that_cannot_be_are_refused(merges, message):
    with pytest.raises(TokenizerError, match=message):
        BytePairTokenizer(merges)
