"""Muon by singular value decomposition: the polynomials act on the singular values themselves."""

from collections.abc import Sequence

import torch
from torch import Tensor

Polynomials = Sequence[Sequence[float]]


class TorchWitness:
    """torch.linalg.svd. (torch.optim.Muon computes in bfloat16: the package's tests compare with it.)"""

    @staticmethod
    def orthogonalize(matrix: Tensor, polynomials: Polynomials, margin: float, eps: float) -> Tensor:
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        values = values / max(eps, margin * float(values.square().sum().sqrt()))
        for a, b, c in polynomials:
            square = values * values
            values = values * (a + square * (b + square * c))
        orthogonal: Tensor = (left * values) @ right
        return orthogonal

    @staticmethod
    def muon(
        parameter: Tensor, gradient: Tensor, direction: Tensor, learning_rate: float, momentum: float,
        weight_decay: float, polynomials: Polynomials, margin: float, eps: float,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        mean = torch.lerp(gradient, direction, momentum)
        change = TorchWitness.orthogonalize(torch.lerp(gradient, mean, momentum), polynomials, margin, eps)
        rows, columns = parameter.shape
        rate = learning_rate * (max(rows, columns) / columns) ** 0.5
        return parameter * (1 - learning_rate * weight_decay) - rate * change, mean
