"""Muon: an optimizer for matrices, whose step has the same length in every direction of the gradient."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from llm_train.backends.splitting import part_like, whole
from llm_train.interface import TrainError
from llm_train.optimizers.per_weight import zeros_for

Polynomials = Sequence[tuple[float, float, float]]
"""One (a, b, c) per round: each singular value x becomes a·x + b·x³ + c·x⁵."""

POLAR_EXPRESS: Polynomials = (
    (8.1566, -22.4833, 15.8788),
    (4.0429, -2.8089, 0.5000),
    (3.8917, -2.7725, 0.5061),
    (3.2858, -2.3681, 0.4645),
    (2.3465, -1.7098, 0.4232),
)
"""After all five, each value from 0.001 to 1 is between 0.84 and 1.15. Other rounds first raise small values faster."""

NEWTON_SCHULZ: Polynomials = ((3.4445, -4.7750, 2.0315),) * 5
"""Five equal rounds, as Muon was published and as torch.optim.Muon has it: from 0.01 on between 0.68 and 1.14."""


def orthogonalize(
    matrices: Tensor,
    dtype: torch.dtype = torch.float32,
    *,
    polynomials: Polynomials = POLAR_EXPRESS,
    margin: float = 1.02,
    eps: float = 1e-7,
) -> Tensor:
    """Return nearly the nearest matrices whose singular values are all 1: U Vᵀ for G = U Σ Vᵀ.

    Formula:
        X = G / max(ε, margin · ‖G‖);  per round  X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X

    Why it works:
        An odd polynomial of a matrix acts on its singular values alone and leaves the directions U and V as they are:
        X Xᵀ X = U Σ³ Vᵀ. Choosing polynomials that push every value between 0 and 1 toward 1 gives U Vᵀ with matrix
        products only, which is many times faster than a singular value decomposition. Dividing by the norm of the
        whole matrix puts all values between 0 and 1, since the largest is at most that norm.

    Args:
        matrices: any number of matrices of one shape, stacked: (count, rows, columns).
        dtype: of the products and of the result; bfloat16 is precise enough, since the result only sets a direction.
        polynomials: the rounds.
        margin: room for rounding above the norm. The polynomials of `POLAR_EXPRESS` explode above 1.
        eps: the smallest number to divide by: a matrix of zeros stays one.

    Spec: train.orthogonalize
    Source: Jordan et al. 2024, "Muon"; Amsel et al. 2025, "The Polar Express", arXiv:2505.16932 (the polynomials).
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT  # X Xᵀ is then the smaller of the two products
    # Divided before it is rounded: in float16 a tiny gradient would be zero, and a large one infinite.
    x = (x / (torch.linalg.matrix_norm(x, keepdim=True) * margin).clamp(min=eps)).to(dtype)
    for a, b, c in polynomials:
        squared = x @ x.mT
        polynomial = torch.baddbmm(squared, squared, squared, beta=b, alpha=c)  # b·S + c·S²
        x = torch.baddbmm(x, polynomial, x, beta=a)  # a·x + (b·S + c·S²)·x
    result: Tensor = x if wide else x.mT
    return result


def muon_update(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    direction: Tensor,
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float = 0.0,
    dtype: torch.dtype = torch.float32,
    polynomials: Polynomials = POLAR_EXPRESS,
    margin: float = 1.02,
    eps: float = 1e-7,
) -> None:
    """Update some matrices of one shape and their running direction in place.

    Formula:
        d ← μ d + (1-μ) g;  θ ← θ - η λ θ - η √max(1, out/in) · orthogonalize(μ d + (1-μ) g)

    Why it works:
        The gradient of a weight matrix is nearly always dominated by a few directions, and plain descent (AdamW as
        well) spends almost the whole step on them. Setting all singular values to 1 lets the rare directions learn as
        fast as the dominant ones, and no weight matrix can change its output by more than the step allows. It is meant
        for matrices inside the network; embeddings, head and norm gains keep AdamW, because their rows are looked up
        or scaled one by one and have no common directions. The direction is a mean, but a sum would do as well: the
        orthogonalization forgets its length. μ d + (1-μ) g is Nesterov's momentum: the mean, one step ahead.

        Matrices of one shape are one product. Besides the products it passes over memory 14 times (2 more with decay).

        torch.optim.Muon's steps are these with `NEWTON_SCHULZ`, a margin of 1 and bfloat16. Its `match_rms_adamw` is
        another learning rate: times 0.2 √max(out, in) / √max(1, out/in), with a decay divided by the same.

    Args:
        parameters: the matrices, stored (out, in); or one parameter that is a stack of them already.
        gradients: theirs, in the same order; not changed.
        direction: d, stacked; zeros before the first step.
        learning_rate: η.
        momentum: μ, the fraction of d that is kept, from 0 to below 1.
        weight_decay: λ.
        dtype: of the products in `orthogonalize`.
        polynomials: its rounds.
        margin: its room for rounding.
        eps: the smallest number that it divides by.

    Spec: train.muon
    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Liu et al. 2025, "Muon is
        Scalable for LLM Training", arXiv:2502.16982 (weight decay, the other learning rate).
    """
    ahead = _stacked(gradients).to(direction.dtype)
    direction.lerp_(ahead, 1 - momentum)
    ahead.lerp_(direction, momentum)
    # Where matrices are split over processes, each computes with whole ones and keeps its part of the result.
    change = part_like(orthogonalize(whole(ahead), dtype, polynomials=polynomials, margin=margin, eps=eps), ahead)
    out, width = change.shape[-2:]
    for parameter, part in zip(parameters, _apart(change, parameters[0].ndim), strict=True):
        if weight_decay:
            parameter.mul_(1 - learning_rate * weight_decay)
        parameter.add_(part, alpha=-learning_rate * max(1.0, out / width) ** 0.5)


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
        polynomials: Polynomials = POLAR_EXPRESS,
        margin: float = 1.02,
        eps: float = 1e-7,
    ) -> None:
        """Take matrices by name, their common peak learning rate, and what `orthogonalize` is to do.

        A parameter of three axes is a stack of matrices, as the experts of a mixture are.

        Raises:
            TrainError: a parameter is no matrix.
        """
        if wrong := [name for name, one in parameters.items() if one.ndim not in (2, 3)]:
            raise TrainError(f"Muon updates matrices, and {', '.join(wrong)} is none: give it to AdamW or SGD")
        self.learning_rate, self.momentum = learning_rate, momentum
        self.weight_decay, self.dtype = weight_decay, dtype
        self.polynomials, self.margin, self.eps = polynomials, margin, eps
        self.update: Callable[..., None] = muon_update
        self.parameters = dict(parameters)
        self.groups: dict[str, list[str]] = {}
        for name, parameter in self.parameters.items():
            self.groups.setdefault(str(tuple(parameter.shape)) if parameter.ndim == 2 else name, []).append(name)
        # A stack of a group's matrices is what their products need, so their state is one tensor, too.
        stacks = {group: _stacked([self.parameters[name] for name in names]) for group, names in self.groups.items()}
        self.directions = zeros_for(stacks)

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], lr_multiplier: float = 1.0) -> None:
        """Update every matrix, with the peak learning rate times `lr_multiplier`."""
        for group, names in self.groups.items():
            self.update(
                [self.parameters[name] for name in names], [gradients[name] for name in names], self.directions[group],
                learning_rate=lr_multiplier * self.learning_rate, momentum=self.momentum,
                weight_decay=self.weight_decay, dtype=self.dtype,
                polynomials=self.polynomials, margin=self.margin, eps=self.eps,
            )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """Return the running direction of each parameter."""
        return {
            f"direction.{name}": direction
            for group, names in self.groups.items()
            for name, direction in zip(
                names, _apart(self.directions[group], self.parameters[names[0]].ndim), strict=True
            )
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the running directions."""
        for group, names in self.groups.items():
            self.directions[group].copy_(_stacked([state[f"direction.{name}"] for name in names]))


def _stacked(matrices: Sequence[Tensor]) -> Tensor:
    """Return a new stack of matrices of one shape; what has three axes is a stack, and stays sharded as it is."""
    return torch.stack(list(matrices)) if matrices[0].ndim == 2 else matrices[0].clone()


def _apart(stack: Tensor, axes: int) -> Sequence[Tensor]:
    """Return the parts of a stack that parameters of so many axes have made."""
    return stack.unbind() if axes == 2 else [stack]
