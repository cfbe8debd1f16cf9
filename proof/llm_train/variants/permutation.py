"""The order of the data, written otherwise; the specification must accept it."""

from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives
from proof.llm_train.witnesses.permutation import TorchWitness

VARIANTS = Alternatives(correct=True)
Array = np.ndarray[Any, Any]
WORD, GOLDEN = 1 << 64, 0x9E3779B97F4A7C15


def _mix(x: int) -> int:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> shift)) * factor & WORD - 1
    return x ^ (x >> 31)


def _hash(*numbers: int) -> int:
    return reduce(lambda word, number: _mix(word + number + GOLDEN & WORD - 1), numbers, 0)


def _place(index: int, size: int, keys: list[int], bits: int) -> int:
    """Two rounds at a time, without an exchange, and recursion for the walk."""
    left, right = index >> bits, index & (1 << bits) - 1
    for even, odd in zip(keys[::2], keys[1::2], strict=True):
        left ^= _mix(right + even & WORD - 1) >> 64 - bits
        right ^= _mix(left + odd & WORD - 1) >> 64 - bits
    place = left << bits | right
    return place if place < size else _place(place, size, keys, bits)


@VARIANTS.of("train.permutation")("two rounds at a time, numbers of any length", arrays="numpy")
def two_rounds(index: Array, size: int, key: int) -> Array:
    bits = max(1, -(-len(f"{size - 1:b}") // 2)) if size > 1 else 1
    keys = [_mix(key + r * GOLDEN & WORD - 1) for r in range(1, 9)]
    places = [_place(number, size, keys, bits) for number in index.reshape(-1).tolist()]
    return np.array(places, np.int64).reshape(index.shape)


VARIANTS.of("train.permutation")("torch's signed numbers")(TorchWitness.permutation)
VARIANTS.of("train.row_keys")("torch's signed numbers")(TorchWitness.row_keys)


@VARIANTS.of("train.row_keys")("row by row", arrays="numpy")
def row_by_row(seed: int, pass_number: int, rows: Array) -> Array:
    return np.array([_hash(3, seed, pass_number, row) >> 1 for row in rows.tolist()], np.int64).reshape(rows.shape)


VARIANTS.of("train.window_starts")("torch's signed numbers")(TorchWitness.window_starts)


@VARIANTS.of("train.window_starts")("whole epochs as lists, where they are short")
def whole_epochs(samples: Tensor, tokens: int, context_length: int, seed: int) -> Tensor:
    windows = (tokens - 1) // context_length - 1
    if windows > 10_000:
        return TorchWitness.window_starts(samples, tokens, context_length, seed)
    found = []
    for sample in samples.flatten().tolist():
        epoch = sample // windows
        order = two_rounds(np.arange(windows), windows, _hash(1, seed, epoch)) * context_length
        found.append(order[sample % windows] + _hash(2, seed, epoch) % context_length)
    return torch.tensor(found, dtype=torch.int64).reshape(samples.shape)
