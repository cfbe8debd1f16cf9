"""Correct implementations written otherwise: the specification must accept every one of them."""

import heapq
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)
variant = VARIANTS.of("generate.temperature")


def _refuse(bad: bool) -> None:
    if bad:
        raise ValueError("outside its range")


@variant("softmax of the quotient")
def quotient(logits: Tensor, temperature: float) -> Tensor:
    _refuse(temperature < 0)
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits.dtype)
    return torch.softmax(logits / temperature, dim=-1)


@variant("multiplied by the inverse")
def inverse(logits: Tensor, temperature: float) -> Tensor:
    _refuse(temperature < 0)
    if temperature == 0:
        return quotient(logits, temperature)  # type: ignore[no-any-return]
    return torch.exp(torch.log_softmax(logits * (1.0 / temperature), dim=-1))


@variant("logits less their logsumexp")
def logsumexp(logits: Tensor, temperature: float) -> Tensor:
    _refuse(temperature < 0)
    if temperature == 0:
        return quotient(logits, temperature)  # type: ignore[no-any-return]
    quotients = logits / temperature
    return torch.exp(quotients - quotients.logsumexp(dim=-1, keepdim=True))


@variant("NumPy without a gradient", arrays="numpy")
def numpy_forward(logits: Any, temperature: float) -> Any:
    _refuse(temperature < 0)
    if temperature == 0:
        return (np.arange(logits.shape[-1]) == logits.argmax(axis=-1)[..., None]).astype(logits.dtype)
    weights = np.exp(logits / temperature - (logits / temperature).max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


variant = VARIANTS.of("generate.top_k")


@variant("stable sort and scatter")
def scatter(logits: Tensor, k: int) -> Tensor:
    _refuse(k < 1)
    ids = logits.argsort(dim=-1, descending=True, stable=True)[..., :k]
    return torch.full_like(logits, -math.inf).scatter(-1, ids, logits.gather(-1, ids))


@variant("partition, then ties by a running count", arrays="numpy")
def partition(logits: Any, k: int) -> Any:
    _refuse(k < 1)
    place = max(0, logits.shape[-1] - k)
    least = np.partition(logits, place, axis=-1)[..., place, None]
    ties = logits == least
    left = k - (logits > least).sum(axis=-1, keepdims=True)
    return np.where((logits > least) | (ties & (ties.cumsum(axis=-1) <= left)), logits, -np.inf)


@variant("NumPy lexsort", arrays="numpy")
def lexsort(logits: Any, k: int) -> Any:
    _refuse(k < 1)
    rank = np.argsort(np.argsort(-logits, axis=-1, kind="stable"), axis=-1)
    return np.where(rank < k, logits, -np.inf)


variant = VARIANTS.of("generate.top_p")


@variant("removal mask shifted by one")
def shifted_mask(logits: Tensor, p: float) -> Tensor:
    _refuse(not 0 < p <= 1)
    if p == 1:
        return logits
    values, order = logits.sort(dim=-1, descending=True, stable=True)
    removed = torch.softmax(values, dim=-1).cumsum(dim=-1) >= p
    removed[..., 1:] = removed[..., :-1].clone()
    removed[..., 0] = False
    return logits.masked_fill(removed.gather(-1, order.argsort(dim=-1)), -math.inf)


@variant("NumPy, in float64 throughout", arrays="numpy")
def numpy_nucleus(logits: Any, p: float) -> Any:
    _refuse(not 0 < p <= 1)
    if p == 1:
        return logits
    order = np.argsort(-logits, axis=-1, kind="stable")
    values = np.take_along_axis(logits, order, axis=-1).astype(np.float64)
    likely = np.exp(values - values[..., :1])
    likely /= likely.sum(axis=-1, keepdims=True)
    before = np.cumsum(likely, axis=-1) - likely
    kept = np.empty(logits.shape, dtype=bool)
    np.put_along_axis(kept, order, before < p, axis=-1)
    return np.where(kept, logits, -np.inf)


@variant("a loop over the tokens")
def loop(logits: Tensor, p: float) -> Tensor:
    _refuse(not 0 < p <= 1)
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]):
        kept, likely, reached = row.tolist(), torch.softmax(row, dim=-1).tolist(), 0.0
        for token in sorted(range(len(likely)), key=lambda one: -likely[one]):
            if reached >= p and p < 1:
                kept[token] = -math.inf
            reached += likely[token]
        rows.append(kept)
    return torch.tensor(rows, dtype=logits.dtype).reshape(logits.shape)


@VARIANTS.of("generate.top_k")("the rank of every token")
def ranked(logits: Tensor, k: int) -> Tensor:
    _refuse(k < 1)
    rank = logits.sort(dim=-1, descending=True, stable=True).indices.argsort(dim=-1)
    return torch.where(rank < k, logits, -math.inf)


@VARIANTS.of("generate.top_k")("a heap for each row")
def heap(logits: Tensor, k: int) -> Tensor:
    _refuse(k < 1)
    rows = logits.reshape(-1, logits.shape[-1])
    result = torch.full_like(rows, -math.inf)
    for place, row in enumerate(rows.tolist()):
        kept = heapq.nsmallest(k, range(len(row)), key=lambda token: (-row[token], token))
        result[place, kept] = rows[place, kept]
    return result.reshape(logits.shape)


@VARIANTS.of("generate.top_p")("how many are kept, in float64")
def counted(logits: Tensor, p: float) -> Tensor:
    _refuse(not 0 < p <= 1)
    if p == 1:
        return logits
    order = logits.argsort(dim=-1, descending=True, stable=True)
    reached = torch.softmax(logits.double(), dim=-1).gather(-1, order).cumsum(dim=-1)
    count = (reached < p).sum(dim=-1, keepdim=True) + 1
    return logits.masked_fill(order.argsort(dim=-1) >= count, -math.inf)


@VARIANTS.of("generate.top_p")("taken out from the least likely upward, in float64")
def upward(logits: Tensor, p: float) -> Tensor:
    _refuse(not 0 < p <= 1)
    if p == 1:
        return logits
    order = logits.argsort(dim=-1, descending=True, stable=True).flip(-1)
    left_out = torch.softmax(logits.double(), dim=-1).gather(-1, order).cumsum(dim=-1) <= 1 - p
    left_out[..., -1] = False
    return logits.masked_fill(torch.zeros_like(left_out).scatter(-1, order, left_out), -math.inf)
