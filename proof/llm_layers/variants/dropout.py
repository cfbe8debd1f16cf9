"""Dropout: correct implementations written otherwise."""

from typing import Any

import numpy as np
import torch

from llm_layers import dropout_mask
from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("layers.dropout")
variant("product with the mask")(lambda x, kept, rate: x * kept / (1 - rate))
variant("mask scaled first")(lambda x, kept, rate: x * kept.to(x.dtype).div(1 - rate))
variant("filled with zeros")(lambda x, kept, rate: x.masked_fill(~kept, 0.0) * (1 / (1 - rate)))


@variant("NumPy, chosen places", arrays="numpy")
def chosen(x: Any, kept: Any, rate: float) -> Any:
    y = np.zeros_like(x)
    y[kept] = x[kept] / (1 - rate)
    return y


variant = VARIANTS.of("layers.dropout_mask")


@variant("NumPy, numbers of 32 bits", arrays="numpy")
def words(keys: Any, site: int, positions: int, width: int, rate: float) -> Any:
    if not 0 <= rate < 1:
        raise ValueError(rate)

    def mix(x: Any) -> Any:
        for by, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            x = (x ^ (x >> np.uint32(by))) * np.uint32(factor)
        return x ^ (x >> np.uint32(16))

    halves = np.ascontiguousarray(keys).astype("<i8").view("<u4").reshape(-1, 2)
    rows = mix(halves[:, 0] ^ mix(halves[:, 1] + np.uint32(site % 2**32)))
    places = np.arange(positions * width, dtype=np.uint32) * np.uint32(0x9E3779B1)
    draws = mix(rows[:, None] + places) >> np.uint32(8)
    return (draws >= np.uint32(round(rate * 2**24))).reshape(len(keys), positions, width)


@variant("torch, numbers of 64 bits, and fractions compared")
def fractions(keys: Any, site: int, positions: int, width: int, rate: float) -> Any:
    if not 0 <= rate < 1:
        raise ValueError(rate)

    def mix(x: Any) -> Any:
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = (x ^ x >> 15) * (0x846CA68B - 2**32) % 2**32
        return x ^ x >> 16

    rows = mix(keys % 2**32 ^ mix((keys >> 32) % 2**32 + site & 2**32 - 1))[:, None, None]
    places = torch.arange(positions)[:, None] * width + torch.arange(width)
    draws = mix((rows + places * 0x9E3779B1) % 2**32) // 2**8
    return draws.double() / 2**24 >= round(rate * 2**24) / 2**24


@variant("ours, row by row")
def row_by_row(keys: Any, *place: Any) -> Any:
    alone = [dropout_mask(key, *place) for key in keys.split(1)]
    return torch.cat(alone)
