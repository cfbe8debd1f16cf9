"""Two independent computations of every golden: torch's own operators, and exact enumeration without any library.

Neither calls our code. The second ranks tokens by counting who beats whom (no sort), and adds
probabilities as fractions (no rounding in the sum), so that a sum of exactly p is exactly p.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from proof.evidence import Witness


def _torch() -> Any:
    """Torch's categorical distribution and a search over prefixes of its sort; no filter of ours."""
    import torch

    def temperature(logits: torch.Tensor, temperature: float) -> torch.Tensor:
        if temperature < 0:
            raise ValueError("below 0")
        if temperature == 0:
            first = logits.max(dim=-1).values.unsqueeze(-1) == logits
            return (first & (first.cumsum(-1) == 1)).to(logits.dtype)
        centered = logits - logits.max(dim=-1, keepdim=True).values
        return torch.exp(torch.log_softmax(centered / temperature, dim=-1))

    def top_k(logits: torch.Tensor, k: int) -> torch.Tensor:
        if k < 1:
            raise ValueError("below 1")
        values, order = torch.sort(logits, dim=-1, descending=True, stable=True)
        values = values.clone()
        values[..., k:] = -math.inf
        return torch.gather(values, -1, torch.argsort(order, dim=-1))

    def top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
        if not 0 < p <= 1:
            raise ValueError("outside 0 < p <= 1")
        if p == 1:
            return logits
        values, order = torch.sort(logits, dim=-1, descending=True, stable=True)
        sums = torch.cumsum(torch.exp(torch.log_softmax(values, dim=-1)), dim=-1)
        # The first place where the sum has reached p, and everything up to it.
        crossing = (sums < p).sum(dim=-1, keepdim=True)
        values = values.masked_fill(torch.arange(values.shape[-1]) > crossing, -math.inf)
        return torch.gather(values, -1, torch.argsort(order, dim=-1))

    return SimpleNamespace(temperature=temperature, top_k=top_k, top_p=top_p)


def _enumeration() -> Any:
    """Pure Python over nested lists."""

    def temperature(logits: Any, temperature: float) -> Any:
        if temperature < 0:
            raise ValueError("below 0")
        return _by_row(logits, lambda row: _probabilities(row, temperature))

    def temperature_backward(dprobabilities: Any, logits: Any, temperature: float) -> Any:
        # The Jacobian written out entry by entry: dp_i / dz_j = p_i ([i = j] - p_j) / T.
        rows = iter(list(_rows(dprobabilities)))

        def one(row: list[float]) -> list[float]:
            upstream, p = next(rows), _probabilities(row, temperature)
            ids = range(len(p))
            return [math.fsum(upstream[i] * p[i] * ((i == j) - p[j]) / temperature for i in ids) for j in ids]

        return _by_row(logits, one)

    def top_k(logits: Any, k: int) -> Any:
        if k < 1:
            raise ValueError("below 1")
        return _by_row(logits, lambda row: [z if _rank(row, i) < k else -math.inf for i, z in enumerate(row)])

    def top_p(logits: Any, p: float) -> Any:
        if not 0 < p <= 1:
            raise ValueError("outside 0 < p <= 1")

        def one(row: list[float]) -> list[float]:
            likely = [Fraction(value) for value in _probabilities(row, 1.0)]
            total = sum(likely)
            before = [
                sum(likely[j] for j in range(len(row)) if _rank(row, j) < _rank(row, i)) / total
                for i in range(len(row))
            ]
            # With p = 1 only a token after an exact sum of 1 could fall out: one of probability 0.
            return [z if before[i] < Fraction(p) or p == 1 else -math.inf for i, z in enumerate(row)]

        return _by_row(logits, one)

    return SimpleNamespace(temperature=temperature, temperature_backward=temperature_backward, top_k=top_k, top_p=top_p)


def _probabilities(row: list[float], temperature: float) -> list[float]:
    if temperature == 0:
        return [float(_rank(row, i) == 0) for i in range(len(row))]
    largest = max(row)
    weights = [math.exp((z - largest) / temperature) for z in row]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _rank(row: list[float], i: int) -> int:
    """How many tokens come before token `i`: the larger ones, and the equal ones with a lower id."""
    return sum(z > row[i] or (z == row[i] and j < i) for j, z in enumerate(row))


def _by_row(values: Any, function: Any) -> Any:
    if values and isinstance(values[0], list):
        return [_by_row(row, function) for row in values]
    return function(values) if values else []


def _rows(values: Any) -> Iterator[list[float]]:
    if values and isinstance(values[0], list):
        for row in values:
            yield from _rows(row)
    elif values:
        yield values


WITNESSES = (
    Witness("torch log_softmax and sort", _torch, arrays="torch"),
    Witness("exact enumeration in pure Python", _enumeration, arrays="lists"),
)
