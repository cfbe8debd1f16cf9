"""Muon: an optimizer for matrices, whose step has the same length in every direction of the gradient."""

from collections.abc import Mapping

import torch
from torch import Tensor

# One polynomial a·x + b·x³ + c·x⁵ per round. After all five, each value from 0.001 to 1 is between 0.84 and 1.15.
# Equal rounds (Newton-Schulz) would need more of them: the first rounds here raise small values much faster.
ROUNDS = (
    (8.1566, -22.4833, 15.8788),
    (4.0429, -2.8089, 0.5000),
    (3.8917, -2.7725, 0.5061),
    (3.2858, -2.3681, 0.4645),
    (2.3465, -1.7098, 0.4232),
)


def orthogonalize(matrices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the nearest matrices whose singular values are all (about) 1: U Vᵀ for G = U Σ Vᵀ.

    Why it works:
        An odd polynomial of a matrix, a·X + b·XXᵀX + …, acts on its singular values alone and leaves the directions
        U and V as they are. Choosing polynomials that push every value between 0 and 1 toward 1 gives U Vᵀ with
        matrix products only, which is many times faster than a singular value decomposition.

    Args:
        matrices: any number of matrices of one shape, stacked: (count, rows, columns).
        dtype: of the products; bfloat16 is precise enough, since the result only sets a direction.

    Source: Jordan et al. 2024, "Muon"; Amsel et al. 2025, "The Polar Express", arXiv:2505.16932 (the polynomials).
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = (matrices if wide else matrices.mT).to(dtype)
    # The Frobenius norm bounds the largest singular value; 2 % more guards against rounding.
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) * 1.02 + 1e-6)
    for a, b, c in ROUNDS:
        squared = x @ x.mT
        polynomial = torch.baddbmm(squared, squared, squared, beta=b, alpha=c)  # b·S + c·S²
        x = torch.baddbmm(x, polynomial, x, beta=a)  # a·x + (b·S + c·S²)·x
    result: Tensor = (x if wide else x.mT).to(matrices.dtype)
    return result


def muon_update(
    parameters: list[Tensor],
    gradients: Tensor,
    direction: Tensor,
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float = 0.0,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Update some matrices of one shape and their running direction in place.

    Formula:
        d ← μ d + (1-μ) g;  θ ← θ - η λ θ - η √max(1, out/in) · orthogonalize(μ d + (1-μ) g)

    Why it works:
        The gradient of a weight matrix is nearly always dominated by a few directions, and plain descent (AdamW as
        well) spends almost the whole step on them. Setting all singular values to 1 lets the rare directions learn as
        fast as the dominant ones, and no weight matrix can change its output by more than the step allows. It is meant
        for matrices inside the network; embeddings, head and norm gains keep AdamW, because their rows are looked up
        or scaled one by one and have no common directions.

    Args:
        parameters: the matrices, stored (out, in).
        gradients: theirs, stacked.
        direction: d, stacked; zeros before the first step.
        learning_rate: η.
        momentum: μ.
        weight_decay: λ.
        dtype: of the products in `orthogonalize`.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """
    direction.lerp_(gradients, 1 - momentum)
    ahead = gradients.lerp(direction, momentum)  # Nesterov: one more step of the average, ahead of time
    out, width = gradients.shape[-2:]
    change = orthogonalize(ahead, dtype) * (learning_rate * max(1.0, out / width) ** 0.5)
    for parameter, part in zip(parameters, change.unbind(), strict=True):
        if weight_decay:
            parameter.mul_(1 - learning_rate * weight_decay)
        parameter.sub_(part)


class Muon:
    """Holds the running directions of `muon_update`; matrices of one shape are updated together, as one product."""

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        learning_rate: float,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Take matrices by name, their common peak learning rate, and the dtype for `orthogonalize`."""
        self.learning_rate, self.momentum = learning_rate, momentum
        self.weight_decay, self.dtype = weight_decay, dtype
        self.parameters = dict(parameters)
        self.groups: dict[tuple[int, ...], list[str]] = {}
        for name, parameter in self.parameters.items():
            self.groups.setdefault(tuple(parameter.shape), []).append(name)
        self.directions = {
            shape: torch.zeros_like(torch.stack([self.parameters[name] for name in names]))
            for shape, names in self.groups.items()
        }

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float = 1.0) -> None:
        """Update every matrix, with the peak learning rate times `lr_multiplier`."""
        for shape, names in self.groups.items():
            muon_update(
                [self.parameters[name] for name in names],
                torch.stack([gradients[name] for name in names]),
                self.directions[shape],
                learning_rate=lr_multiplier * self.learning_rate,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                dtype=self.dtype,
            )

    def state(self) -> dict[str, Tensor]:
        """Return the running direction of each matrix."""
        return {
            f"direction.{name}": direction
            for shape, names in self.groups.items()
            for name, direction in zip(names, self.directions[shape].unbind(), strict=True)
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the running directions."""
        for shape, names in self.groups.items():
            self.directions[shape].copy_(torch.stack([state[f"direction.{name}"] for name in names]))
