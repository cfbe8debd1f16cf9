"""Slips in the order of the data: mistakes that people really make; every one must fail a case."""

from collections.abc import Callable
from math import ceil, log2
from typing import Any

import numpy as np

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.permutation")

Array = np.ndarray[Any, Any]
WORD, GOLDEN = 1 << 64, 0x9E3779B97F4A7C15


def _mix(word: int) -> int:
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB % WORD
    return word ^ word >> 31


def _hash(*numbers: int) -> int:
    word = 0
    for number in numbers:
        word = _mix((word + GOLDEN + number) % WORD)
    return word


def _each(function: Callable[..., int]) -> Callable[..., Array]:
    """Return a function of an array from one of a single number."""

    def every(numbers: Array, *settings: int) -> Array:
        return np.array([function(int(number), *settings) for number in numbers.flat], np.int64).reshape(numbers.shape)

    return every


def _walked(places: Callable[[int], int], place: int, size: int) -> int:
    while (place := places(place)) >= size:
        pass
    return place


def _two_steps(places: Callable[[int], int], place: int, size: int) -> int:
    return first if (first := places(place)) < size else places(first) % size


def _permutation(
    *,
    bits: Callable[[int], int] = lambda size: max(1, ((size - 1).bit_length() + 1) // 2),
    rounds: range = range(1, 9),
    round_key: Callable[[int, int], int] = lambda key, r: _mix((key + r * GOLDEN) % WORD),
    half: Callable[[int, int], int] = lambda word, bits: word >> 64 - bits,
    swap: bool = True,
    within: Callable[[Callable[[int], int], int, int], int] = _walked,
) -> Callable[..., Array]:
    """Return the permutation with one of its parts replaced."""

    def one(index: int, size: int, key: int) -> int:
        width = bits(size)

        def network(place: int) -> int:
            left, right = divmod(place, 1 << width)
            for r in rounds:
                changed = left ^ half(_mix((right + round_key(key, r)) % WORD), width)
                left, right = (right, changed) if swap else (changed, right)
            return (left << width) + right

        return within(network, index, size)

    return _each(one)


slip("a remainder instead of walking on", "A remainder maps several indices to one.", arrays="numpy")(
    _permutation(within=lambda network, place, size: network(place) % size)
)
slip("one step more at most", "Go on until the place is below the size.", arrays="numpy")(
    _permutation(within=_two_steps)
)
slip("the same key in each round", "Each round has a key of its own.", arrays="numpy")(
    _permutation(round_key=lambda key, r: _mix((key + GOLDEN) % WORD))
)
slip("round keys that are counted from 0", "The first round is number 1.", arrays="numpy")(
    _permutation(rounds=range(8))
)
slip("a round too few", "There are eight rounds.", arrays="numpy")(_permutation(rounds=range(1, 8)))
slip("round keys that are not mixed", "Mix key + r · G before it is added.", arrays="numpy")(
    _permutation(round_key=lambda key, r: (key + r * GOLDEN) % WORD)
)
slip("an odd number of bits, rounded down", "Round up, or the range is too small.", arrays="numpy")(
    _permutation(
        bits=lambda size: max(1, (size - 1).bit_length() // 2),
        within=lambda network, place, size: network(place) % size,
    )
)
slip("bits of the size, not of the largest index", "4^b = size is enough.", arrays="numpy")(
    _permutation(bits=lambda size: (size.bit_length() + 1) // 2)
)
slip("bits from a logarithm in float64", "Count the bits of size - 1; a logarithm is rounded.", arrays="numpy")(
    _permutation(bits=lambda size: max(1, ceil(log2(size) / 2)))
)
slip("the low bits of the hash", "Take the top b bits.", arrays="numpy")(
    _permutation(half=lambda word, bits: word % (1 << bits))
)
slip("halves that are not exchanged", "Each round makes the right half the left one.", arrays="numpy")(
    _permutation(swap=False)
)
slip("a key of 32 bits", "The key has 64 bits.", arrays="numpy")(
    _permutation(round_key=lambda key, r: _mix((key % (1 << 32) + r * GOLDEN) % WORD))
)


@slip("drawn from a generator", "An order that is drawn has to be stored.", arrays="numpy")
def drawn(index: Array, size: int, key: int) -> Array:
    places: Array = np.random.default_rng(key).permutation(min(size, 1 << 20))[index % (1 << 20)]
    return places


slip = SLIPS.of("train.row_keys")


def _keys(
    key: Callable[[int, int, int], int], number: Callable[[int, int], int] = lambda place, row: row
) -> Callable[..., Array]:
    def row_keys(seed: int, pass_number: int, rows: Array) -> Array:
        found = [key(seed, pass_number, number(place, int(row))) for place, row in enumerate(rows)]
        return np.array(found, np.int64).reshape(rows.shape)

    return row_keys


slip("seed, pass and row added up", "Hash them one after the other, or (1, 2) draws as (2, 1).", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _mix((seed + pass_number + row) % WORD) // 2)
)
slip("the row's place in its part of the batch", "Use the number of the row in the whole pass.", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _hash(3, seed, pass_number, row) // 2, number=lambda place, row: place)
)
slip("pass before seed", "The order is 3, seed, pass, row.", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _hash(3, pass_number, seed, row) // 2)
)
slip("no first number for the purpose", "Begin with 3, so that nothing else shares these numbers.", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _hash(seed, pass_number, row) // 2)
)
slip("the lower 63 bits", "Take the upper 63: half of the hash.", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _hash(3, seed, pass_number, row) % (1 << 63))
)
slip("the pass left out", "Each pass draws anew.", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _hash(3, seed, row) // 2)
)
slip("a seed of 32 bits", "The seed has 63 bits.", arrays="numpy")(
    _keys(lambda seed, pass_number, row: _hash(3, seed % (1 << 32), pass_number, row) // 2)
)

slip = SLIPS.of("train.window_starts")


def _starts(
    *,
    windows: Callable[[int, int], int] = lambda tokens, length: (tokens - 1) // length - 1,
    order: Callable[[int, int], int] = lambda seed, epoch: _hash(1, seed, epoch),
    shift: Callable[[int, int, int], int] = lambda seed, epoch, length: _hash(2, seed, epoch) % length,
    sample: Callable[[int], int] = lambda sample: sample,
) -> Callable[..., Array]:
    """Return the starts with one of their parts replaced."""
    permutation = _permutation()

    def one(number: int, tokens: int, length: int, seed: int) -> int:
        count = windows(tokens, length)
        epoch, index = divmod(sample(number), count)
        place = int(permutation(np.array([index]), count, order(seed, epoch))[0])
        return place * length + shift(seed, epoch, length)

    return _each(one)


slip("as many windows as fit without a shift", "Moved, the last one reaches beyond the text.", arrays="numpy")(
    _starts(windows=lambda tokens, length: (tokens - 1) // length)
)
slip("the last target forgotten", "A window needs the token after it: N - 1 tokens can be inputs.", arrays="numpy")(
    _starts(windows=lambda tokens, length: tokens // length - 1)
)
slip("one order for all epochs", "The epoch is a part of the key.", arrays="numpy")(
    _starts(order=lambda seed, epoch: _hash(1, seed, 0))
)
slip("seed plus epoch as key", "Hash them, or run 2 repeats the epochs of run 1, one later.", arrays="numpy")(
    _starts(order=lambda seed, epoch: (seed + epoch) % WORD)
)
slip("no shift", "Move the cuts, or the same tokens are at the edges in each epoch.", arrays="numpy")(
    _starts(shift=lambda seed, epoch, length: 0)
)
slip("one hash for order and shift", "The shift has a hash of its own, which begins with 2.", arrays="numpy")(
    _starts(shift=lambda seed, epoch, length: _hash(1, seed, epoch) % length)
)
slip("one shift for all epochs", "The epoch is a part of its hash.", arrays="numpy")(
    _starts(shift=lambda seed, epoch, length: _hash(2, seed, 0) % length)
)
slip("a shift of up to a whole window", "A shift is below the length of a window.", arrays="numpy")(
    _starts(shift=lambda seed, epoch, length: _hash(2, seed, epoch) % (length + 1))
)
slip("samples that are counted from 1", "The first sample is number 0.", arrays="numpy")(
    _starts(sample=lambda number: number + 1)
)


@slip("windows at random places", "Drawing with replacement reads some tokens often and others never.", arrays="numpy")
def anywhere(samples: Array, tokens: int, context_length: int, seed: int) -> Array:
    found = [_hash(1, seed, int(sample)) % (tokens - context_length) for sample in samples.flat]
    return np.array(found, np.int64).reshape(samples.shape)
