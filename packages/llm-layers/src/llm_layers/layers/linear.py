"""Linear layers: every output is a weighted sum of all inputs."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.layers.precision import under_autocast
from llm_layers.layers.shapes import names_shapes

LinearMap = Callable[[Tensor], Tensor]
"""Vectors in, their product with a weight out: a `Linear`, a quantized or a LoRA layer, or `linear` with its weight."""
LinearKernel = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Vectors, a weight, and a bias or None in, the products out: `linear`, or another function of its contract."""


@names_shapes
def linear(
    x: Float[Tensor, "*batch d_in"], weight: Float[Tensor, "d_out d_in"], bias: Float[Tensor, " d_out"] | None = None
) -> Float[Tensor, "*batch d_out"]:
    """Multiply each vector by a matrix, and add a bias where there is one.

    Formula: y = W x + b

    Why it works:
        Row o of the weight is a question, and y[o] is how strongly x answers it: their dot product. A matrix asks
        all its questions at once, and nearly everything that a model learns is in such rows. By itself a linear layer
        can only rotate, scale and mix; two in a row are again one linear layer, so a nonlinearity must come between
        them. The gradients are two more products: the gradient of x is the sum of the rows, each weighted by the
        gradient of its output, and each row of the weight moves along the inputs that it should have answered more.

        The weight is stored (out, in), one row per output, as torch and the public model files do it. A bias moves
        all outputs by a constant; large models mostly leave it out, because a norm before and the stream after it make
        up for it.

    Args:
        x: vectors along the last axis.
        weight: one row per output. Where its dtype is not that of x, both are converted to the wider one.
        bias: one value per output, or None.

    Returns:
        The products, in the dtype of x.

    Spec: layers.linear
    Source: Rosenblatt 1958, "The Perceptron"; stored as in torch.nn.Linear.
    """
    alike = x.dtype == weight.dtype and (bias is None or bias.dtype == x.dtype)
    if alike or under_autocast(x):
        return F.linear(x, weight, bias)
    common = torch.promote_types(x.dtype, weight.dtype)
    return F.linear(x.to(common), weight.to(common), None if bias is None else bias.to(common)).to(x.dtype)


class Linear(nn.Module):
    """Holds the weight, and where wanted the bias, of `linear`.

    The weight has no initial values of its own: `initialize` sets them, in one place for the whole model.

    Args:
        d_in: width of the input.
        d_out: width of the output.
        bias: whether a bias is added; it starts at zero.
        kernel: what computes it.
    """

    bias: nn.Parameter | None

    def __init__(self, d_in: int, d_out: int, *, bias: bool = False, kernel: LinearKernel = linear) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        self.bias = nn.Parameter(torch.zeros(d_out)) if bias else None

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Multiply by the weight and add the bias."""
        return self.kernel(x, self.weight, self.bias)


def replace_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one of that name."""
    parent, _, child = name.rpartition(".")
    module.train(model.get_submodule(name).training)
    setattr(model.get_submodule(parent), child, module)
