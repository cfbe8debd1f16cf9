"""Muon and its orthogonalization, one line a formula."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Polynomials = Sequence[Sequence[float]]


def orthogonalize(matrix: Array, polynomials: Polynomials, margin: float, eps: float) -> Array:
    """Return the matrix with the polynomials applied to its singular values, one after the other.

    Derivation. With X = U S Vᵀ, where UᵀU = VᵀV = 1 and S is diagonal:
        X Xᵀ = U S Vᵀ V S Uᵀ = U S² Uᵀ
        (X Xᵀ) X = U S² Uᵀ U S Vᵀ = U S³ Vᵀ        (X Xᵀ)² X = U S⁵ Vᵀ
        a X + b (X Xᵀ) X + c (X Xᵀ)² X = U (a S + b S³ + c S⁵) Vᵀ
    The Frobenius norm is √(Σ s²), at least the largest s; divided by it, every s is between 0 and 1.
    """
    x = matrix / max(eps, margin * math.sqrt(float(np.sum(matrix**2))))
    for a, b, c in polynomials:
        squared = x @ x.T
        x = a * x + b * squared @ x + c * squared @ squared @ x
    return x


def muon(
    parameter: Array,
    gradient: Array,
    direction: Array,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    polynomials: Polynomials,
    margin: float,
    eps: float,
) -> tuple[Array, Array]:
    """Return the matrix and its running direction after one step.

    Derivation of the factor √(out/in). A vector of `in` numbers near ±1 has the length √in, and a matrix whose singular
    values are 1 keeps that length in the best case. For `out` numbers near ±1 the length should be √out: that takes
    the factor √(out/in). Where out is smaller the factor stays at 1.
    """
    direction = momentum * direction + (1 - momentum) * gradient
    ahead = momentum * direction + (1 - momentum) * gradient
    out, width = parameter.shape
    change = math.sqrt(max(1.0, out / width)) * orthogonalize(ahead, polynomials, margin, eps)
    return parameter - learning_rate * weight_decay * parameter - learning_rate * change, direction
