"""The order of the data, and the keys of rows."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from llm_train.data.keys import hashed, row_keys
from llm_train.data.permutation import permuted
from llm_train.data.windows import window_count, window_starts
from llm_train.interface import TrainError
from llm_train.reference.permutation import permutation as one_by_one


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 255, 257, 4095, 4097, 10_000])
def test_every_place_is_taken_once(size):
    assert sorted(permuted(np.arange(size), size, 7 * size).tolist()) == list(range(size))


@pytest.mark.parametrize("size", [1, 2, 5, 1000, 2**33 + 1, 10**12, 2**62])
def test_one_number_and_many_give_the_same(size):
    some = np.unique(np.array([0, size // 3, size // 2, size - 1]))
    together = permuted(some, size, 5)
    assert together.tolist() == [int(permuted(int(index), size, 5)) for index in some]
    assert together.tolist() == one_by_one(some, size, 5).tolist()


def chi_square(counts, cells):
    expected = sum(counts.values()) / cells
    return sum((count - expected) ** 2 / expected for count in counts.values()) + expected * (cells - len(counts))


def test_where_one_index_goes_is_not_visibly_other_than_chance():
    size = 100
    for index in (0, 1, 50, 99):
        places = Counter(int(permuted(index, size, key)) for key in range(4000))
        assert chi_square(places, size) < 160  # of 99 degrees of freedom; beyond 160 once in ten thousand times


def test_neighbors_do_not_stay_neighbors():
    size = 64
    steps = Counter()
    for key in range(200):
        places = permuted(np.arange(size), size, key)
        steps.update(((places[1:] - places[:-1]) % size).tolist())
    assert 0 not in steps
    assert chi_square(steps, size - 1) < 115  # of 62 degrees of freedom


def test_all_orders_of_few_things_occur():
    orders = Counter(tuple(permuted(np.arange(4), 4, key).tolist()) for key in range(4800))
    assert set(orders) == set(itertools.permutations(range(4)))
    assert max(orders.values()) < 2 * 4800 / math.factorial(4)


@pytest.mark.parametrize(
    ("index", "size", "key", "message"),
    [
        (5, 5, 0, r"index must be from 0 to 4"),
        (-1, 5, 0, r"index must be from 0 to 4"),
        (0, 0, 0, "size must be from 1"),
        (0, 2**62 + 1, 0, "size must be from 1"),
        (0, 5, -1, "key must be from 0"),
        (0, 5, 2**64, "key must be from 0"),
    ],
)
def test_what_is_out_of_range_is_refused(index, size, key, message):
    with pytest.raises(TrainError, match=message):
        permuted(index, size, key)


def test_the_hash_of_broadcast_numbers_is_that_of_each():
    together = hashed(1, np.arange(3)[:, None], np.arange(4))
    assert together.shape == (3, 4)
    assert int(together[2, 3]) == int(hashed(1, 2, 3))


def test_keys_of_rows_differ_and_do_not_depend_on_the_share():
    whole = row_keys(1, 5, np.arange(1000))
    assert len(set(whole.tolist())) == 1000 and whole.min() >= 0
    assert row_keys(1, 5, np.arange(500, 1000)).tolist() == whole[500:].tolist()
    others = [row_keys(1, 6, np.arange(1000)), row_keys(2, 5, np.arange(1000)), row_keys(5, 1, np.arange(1000))]
    assert not any(set(whole.tolist()) & set(other.tolist()) for other in others)


def test_windows_of_an_epoch_do_not_overlap_and_stay_inside():
    tokens, length = 1003, 10
    windows = window_count(tokens, length)
    for epoch in range(20):
        starts = sorted(window_starts(np.arange(windows) + epoch * windows, tokens, length, 3).tolist())
        assert set(np.diff(starts).tolist()) == {length}
        assert starts[0] >= 0 and starts[-1] + length < tokens
