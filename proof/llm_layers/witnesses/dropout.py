"""Dropout through torch's own kernels, and its draws in whole numbers of any length."""

from typing import Any

import torch

WORD = 2**32


def dropout(x: Any, kept: Any, rate: float) -> Any:
    # The kernel behind `F.dropout` draws by itself; its backward, given the draw, is the same product.
    return torch.ops.aten.native_dropout_backward(x, kept, 1.0 / (1.0 - rate))


def _mix(x: int) -> int:
    x ^= x // 65536
    x = x * 2146121005 % WORD
    x ^= x // 32768
    x = x * 2221713035 % WORD
    return x ^ x // 65536


def dropout_mask(keys: Any, site: int, positions: int, width: int, rate: float) -> Any:
    kept = torch.zeros(len(keys), positions, width, dtype=torch.bool)
    for row, key in enumerate(keys.tolist()):
        high, low = divmod(key, WORD)  # the floor, so that the lower half of a key below zero has no sign
        number = _mix(low ^ _mix((high + site) % WORD))
        for position in range(positions):
            for element in range(width):
                place = 2654435761 * (position * width + element)
                kept[row, position, element] = _mix((place + number) % WORD) // 256 >= round(rate * 16777216)
    return kept
