"""Mistakes with Muon and its orthogonalization."""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

SLIPS = Alternatives()
slip = SLIPS.of("train.orthogonalize")

Polynomials = Sequence[Sequence[float]]


def _divided(x: Tensor, margin: float, eps: float) -> Tensor:
    return x / max(eps, margin * float(torch.linalg.matrix_norm(x)))


def _round(x: Tensor, a: float, b: float, c: float) -> Tensor:
    squared = x @ x.mT
    return a * x + (b * squared + c * squared @ squared) @ x


def _orthogonalize(
    divided: Callable[[Tensor, float, float], Tensor] = _divided,
    one_round: Callable[[Tensor, float, float, float], Tensor] = _round,
    rounds: Callable[[Polynomials], Any] = list,
) -> Callable[..., Tensor]:
    """Return the orthogonalization with one part replaced."""

    def orthogonalize(matrix: Tensor, polynomials: Polynomials, margin: float, eps: float) -> Tensor:
        x = divided(matrix, margin, eps)
        for a, b, c in rounds(polynomials):
            x = one_round(x, a, b, c)
        return x

    return orthogonalize


right = _orthogonalize()
slip("not divided by the norm", "Values above 1 explode: divide by the norm first.")(
    _orthogonalize(divided=lambda x, margin, eps: x)
)
slip("divided by the largest number", "The norm of the whole matrix bounds its singular values.")(
    _orthogonalize(divided=lambda x, margin, eps: x / max(eps, margin * float(x.abs().max())))
)
slip("divided by the norm of each row", "One norm for the whole matrix, or the directions change.")(
    _orthogonalize(divided=lambda x, margin, eps: x / (margin * x.norm(dim=-1, keepdim=True)).clamp(min=eps))
)
slip("divided by the largest singular value", "The norm is the root of the sum of all squares.")(
    _orthogonalize(divided=lambda x, margin, eps: x / max(eps, margin * float(torch.linalg.matrix_norm(x, 2))))
)
slip("the margin left out", "Multiply the norm by the margin.")(
    _orthogonalize(divided=lambda x, margin, eps: _divided(x, 1.0, eps))
)
slip("epsilon left out", "A matrix of zeros gives 0/0 without it.")(
    _orthogonalize(divided=lambda x, margin, eps: x / (margin * torch.linalg.matrix_norm(x)))
)
slip("epsilon added to the norm", "eps is the least to divide by; it adds nothing to a norm above it.")(
    _orthogonalize(divided=lambda x, margin, eps: x / (margin * float(torch.linalg.matrix_norm(x)) + eps))
)
slip("the fifth power left out", "c (X Xᵀ)² X is part of a round.")(
    _orthogonalize(one_round=lambda x, a, b, c: _round(x, a, b, 0.0))
)
slip("a, b, c in the other order", "a is for X, c for the fifth power.")(
    _orthogonalize(one_round=lambda x, a, b, c: _round(x, c, b, a))
)
slip("powers number by number", "X Xᵀ X is a product of matrices, not a power of each number.")(
    _orthogonalize(one_round=lambda x, a, b, c: a * x + b * x**3 + c * x**5)
)
slip("the rounds backwards", "The first polynomials are for small values.")(_orthogonalize(rounds=lambda p: [*p][::-1]))
slip("always the first polynomial", "Each round has its own.")(
    _orthogonalize(rounds=lambda p: [p[0]] * len(p) if p else [])
)
slip("one round too few", "As many rounds as polynomials.")(_orthogonalize(rounds=lambda p: [*p][:-1]))
slip("a tall matrix comes back transposed", "Transpose it back.")(
    lambda matrix, *rest: right(matrix, *rest) if matrix.shape[0] <= matrix.shape[1] else right(matrix, *rest).mT
)
slip("all directions, also those that the matrix has not", "A singular value of 0 stays 0.")(
    lambda matrix, *rest: (svd := torch.linalg.svd(matrix, full_matrices=False))[0] @ svd[2]
)


slip = SLIPS.of("train.muon")


def _muon(
    *,
    mean: Callable[..., Tensor] = lambda s, gradient, direction: s.momentum * direction + (1 - s.momentum) * gradient,
    ahead: Callable[..., Tensor] = lambda s, gradient, old, new: s.momentum * new + (1 - s.momentum) * gradient,
    factor: Callable[[int, int], float] = lambda rows, columns: math.sqrt(max(1.0, rows / columns)),
    decay: Callable[..., Tensor | float] = lambda s, before, after: s.rate * s.decay * before,
    whole: Callable[..., Tensor] = right,
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return Muon with one of its parts replaced."""

    def muon(
        parameter: Tensor, gradient: Tensor, direction: Tensor, learning_rate: float, momentum: float,
        weight_decay: float, polynomials: Polynomials, margin: float, eps: float,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        rows, columns = parameter.shape
        s = SimpleNamespace(rate=learning_rate, momentum=momentum, decay=weight_decay, factor=factor(rows, columns))
        new = mean(s, gradient, direction)
        change = whole(ahead(s, gradient, direction, new), polynomials, margin, eps)
        after = parameter - s.rate * s.factor * change
        return after - decay(s, parameter, after), new

    return muon


slip("the direction as a sum", "A running mean: the new gradient counts for 1 − μ.")(
    _muon(mean=lambda s, gradient, direction: s.momentum * direction + gradient)
)
slip("Nesterov left out", "Orthogonalize μ d + (1 − μ) g, one step ahead of the mean.")(
    _muon(ahead=lambda s, gradient, old, new: new)
)
slip("Nesterov with the old direction", "Look ahead from the new mean.")(
    _muon(ahead=lambda s, gradient, old, new: s.momentum * old + (1 - s.momentum) * gradient)
)
slip("Nesterov with the whole gradient", "The mean is of the size of a gradient: weigh both.")(
    _muon(ahead=lambda s, gradient, old, new: s.momentum * new + gradient)
)
slip("the gradient without its past", "The mean of the gradients is orthogonalized.")(
    _muon(ahead=lambda s, gradient, old, new: gradient)
)
slip("the look ahead is handed on", "The direction that comes back is the mean itself.")(
    lambda *given: (_muon()(*given)[0], given[4] * _muon()(*given)[1] + (1 - given[4]) * given[1])
)
slip("the momentum orthogonalized, then averaged", "First the mean, then its directions.")(
    _muon(mean=lambda s, gradient, direction: s.momentum * direction + (1 - s.momentum) * gradient / gradient.norm())
)
slip("no factor for the shape", "More rows than columns: times √(rows / columns).")(_muon(factor=lambda *_: 1.0))
slip("the factor for wide matrices too", "It is never below 1.")(
    _muon(factor=lambda rows, columns: math.sqrt(rows / columns))
)
slip("the factor without its root", "The root of rows / columns.")(
    _muon(factor=lambda rows, columns: max(1.0, rows / columns))
)
slip("the factor upside down", "Weights are stored (out, in).")(
    _muon(factor=lambda rows, columns: math.sqrt(max(1.0, columns / rows)))
)
slip("the factor that matches AdamW", "That is another learning rate: 0.2 √max(rows, columns).")(
    _muon(factor=lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)))
)
slip("the step as long as the gradient", "Only the directions of the gradient count, not its length.")(
    _muon(whole=lambda matrix, *rest: matrix.norm() * right(matrix, *rest))
)
slip("not orthogonalized: the unit matrix of the mean", "All directions get the same length.")(
    _muon(whole=lambda matrix, polynomials, margin, eps: _divided(matrix, margin, eps))
)
slip("weight decay with the factor for the shape", "The decay is by the learning rate alone.")(
    _muon(decay=lambda s, before, after: s.rate * s.factor * s.decay * before)
)
slip("decay of the matrix after the step", "Decay is a fraction of the matrix before the step.")(
    _muon(decay=lambda s, before, after: s.rate * s.decay * after)
)
slip("weight decay not multiplied by the learning rate", "Here λ is per unit of learning rate.")(
    _muon(decay=lambda s, before, after: s.decay * before)
)
slip("weight decay left out", "λ θ is subtracted too.")(_muon(decay=lambda *_: 0.0))
