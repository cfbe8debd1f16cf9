"""Linear maps: every output number is a weighted sum of all input numbers."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def linear(
    x: Float[Tensor, "*batch d_in"],
    weight: Float[Tensor, "d_out d_in"],
    bias: Float[Tensor, " d_out"] | None = None,
) -> Float[Tensor, "*batch d_out"]:
    """Multiply each vector with a matrix, and add a bias where there is one.

    Formula: y = W x + b

    Why it works:
        Row o of the weight is a question, and y[o] is how strongly x answers it: their dot product. A matrix asks
        all its questions at once. Nearly everything that a model learns stands in such rows. By itself a linear map
        can only turn, stretch and mix; two in a row are again one linear map, so something that bends must stand
        between them. The gradients are two more products: what comes back to x is the sum of the rows, each as
        strongly as its answer was wanted, and each row of the weight moves along the inputs that it should have
        answered more.

        The weight is stored (out, in), one row per output, as torch and the public model files do it. A bias moves
        all answers by a constant; large models mostly leave it out, because a norm before and the stream behind make
        up for it.

    Args:
        x: vectors along the last axis.
        weight: one row per output number.
        bias: one number per output, or None.

    Spec: layers.linear
    Source: Rosenblatt 1958, "The Perceptron"; stored as in torch.nn.Linear.
    """
    return F.linear(x, weight, bias)


class Linear(nn.Module):
    """Holds the weight, and where wanted the bias, of `linear`.

    The weight has no start values of its own: `initialize` gives them, in one place for the whole model.

    Args:
        d_in: width of the input.
        d_out: width of the output.
        bias: whether a bias is added; it starts at zero.
        kernel: what computes it.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        bias: bool = False,
        kernel: Callable[[Tensor, Tensor, Tensor | None], Tensor] = linear,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        self.bias = nn.Parameter(torch.zeros(d_out)) if bias else None

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply with the weight and add the bias."""
        return self.kernel(x, self.weight, self.bias)
