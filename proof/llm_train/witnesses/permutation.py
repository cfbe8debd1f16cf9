"""The order of the data in torch's signed 64-bit numbers, whose products lose what is beyond 64 bits."""

import torch
from torch import Tensor

BITS_30 = 0xBF58476D1CE4E5B9 - (1 << 64)
BITS_27 = 0x94D049BB133111EB - (1 << 64)
GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)


class TorchWitness:
    """The network on whole tensors; numbers that have arrived below the size are left alone."""

    @staticmethod
    def permutation(index: Tensor, size: int, key: int) -> Tensor:
        bits = next(bits for bits in range(1, 32) if 1 << 2 * bits >= size)
        places = _network(index, bits, key)
        while bool((places >= size).any()):
            places = torch.where(places >= size, _network(places, bits, key), places)
        return places

    @staticmethod
    def row_keys(seed: int, pass_number: int, rows: Tensor) -> Tensor:
        start = torch.zeros_like(rows)
        for number in (3, seed, pass_number):
            start = _mix(start + GOLDEN + number)
        return _shifted(_mix(start + GOLDEN + rows), 1)

    @staticmethod
    def window_starts(samples: Tensor, tokens: int, context_length: int, seed: int) -> Tensor:
        windows = (tokens - 1 - context_length) // context_length
        starts = []
        for sample in samples.flatten().tolist():
            order, shift = (_hash(use, seed, sample // windows) for use in (1, 2))
            place = TorchWitness.permutation(torch.tensor(sample % windows), windows, order)
            starts.append(place * context_length + shift % context_length)
        return torch.stack(starts).reshape(samples.shape) if starts else samples.clone()


def _hash(*numbers: int) -> int:
    word = torch.zeros((), dtype=torch.int64)
    for number in numbers:
        word = _mix(word + GOLDEN + number)
    return int(word) % (1 << 64)


def _network(index: Tensor, bits: int, key: int) -> Tensor:
    left, right = index >> bits, index % (1 << bits)
    round_key = torch.tensor(key - (1 << 64) if key >= 1 << 63 else key)
    for _ in range(8):
        round_key = round_key + GOLDEN
        left, right = right, left ^ _shifted(_mix(right + _mix(round_key)), 64 - bits)
    return (left << bits) + right


def _mix(words: Tensor) -> Tensor:
    words = (words ^ _shifted(words, 30)) * BITS_30
    words = (words ^ _shifted(words, 27)) * BITS_27
    return words ^ _shifted(words, 31)


def _shifted(words: Tensor, bits: int) -> Tensor:
    """Move all bits down, the sign like any other."""
    return (words >> bits) & ((1 << 64 - bits) - 1)
