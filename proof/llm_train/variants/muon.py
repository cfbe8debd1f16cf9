"""Muon, written otherwise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_tokenizer.conformance import Alternatives

VARIANTS = Alternatives(correct=True)

Array = np.ndarray[Any, Any]
Polynomials = Sequence[Sequence[float]]


@VARIANTS.of("train.orthogonalize")("the other product: X times a polynomial of Xᵀ X")
def from_the_right(matrix: Tensor, polynomials: Polynomials, margin: float, eps: float) -> Tensor:
    x = matrix / torch.clamp(margin * torch.linalg.vector_norm(matrix), min=eps)
    for a, b, c in polynomials:
        squared = x.mT @ x
        x = x @ (
            a * torch.eye(x.shape[1], dtype=x.dtype)
            + squared @ (b * torch.eye(x.shape[1], dtype=x.dtype) + c * squared)
        )
    return x


@VARIANTS.of("train.orthogonalize")("float32 inside, the smaller product", arrays="numpy")
def in_float32(matrix: Array, polynomials: Polynomials, margin: float, eps: float) -> Array:
    scaled = matrix / max(eps, margin * float(np.linalg.norm(matrix)))
    x: Array = (scaled if matrix.shape[0] <= matrix.shape[1] else scaled.T).astype(np.float32)
    for a, b, c in polynomials:
        squared = x @ x.T
        x = np.float32(a) * x + (np.float32(b) * squared + np.float32(c) * squared @ squared) @ x
    return (x if matrix.shape[0] <= matrix.shape[1] else x.T).astype(matrix.dtype)


@VARIANTS.of("train.orthogonalize")("eigenvalues of X Xᵀ", arrays="numpy")
def by_eigenvalues(matrix: Array, polynomials: Polynomials, margin: float, eps: float) -> Array:
    x = np.asarray(matrix, dtype=np.float64)
    x = x / max(eps, margin * float(np.linalg.norm(x)))
    squares, directions = np.linalg.eigh(x @ x.T)
    factors = np.ones_like(squares)  # by which the singular values have grown so far
    for a, b, c in polynomials:
        now = squares * factors**2
        factors = factors * (a + b * now + c * now**2)
    found: Array = (directions * factors) @ directions.T @ x
    return found.astype(matrix.dtype)


variant = VARIANTS.of("train.muon")


@variant("moments by lerp, on copies")
def by_lerp(
    parameter: Tensor, gradient: Tensor, direction: Tensor, learning_rate: float, momentum: float,
    weight_decay: float, polynomials: Polynomials, margin: float, eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    p, d = parameter.clone(), direction.clone()
    d.lerp_(gradient, 1 - momentum)
    change = from_the_right(gradient.lerp(d, momentum), polynomials, margin, eps)
    p.mul_(1 - learning_rate * weight_decay)
    p.sub_(change, alpha=learning_rate * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)
    return p, d


@variant("the two shares of the gradient at once, NumPy", arrays="numpy")
def shares_at_once(
    parameter: Array, gradient: Array, direction: Array, learning_rate: float, momentum: float,
    weight_decay: float, polynomials: Polynomials, margin: float, eps: float,
) -> tuple[Array, Array]:  # fmt: skip
    ahead = momentum**2 * direction + (1 - momentum**2) * gradient
    rows, columns = parameter.shape
    change = (
        in_float32(ahead, polynomials, margin, eps)
        if parameter.dtype == np.float32
        else by_eigenvalues(ahead, polynomials, margin, eps)
    )
    rate = learning_rate * (1.0 if rows < columns else (rows / columns) ** 0.5)
    new = parameter - learning_rate * weight_decay * parameter - rate * change
    return new.astype(parameter.dtype), (gradient + momentum * (direction - gradient)).astype(parameter.dtype)
