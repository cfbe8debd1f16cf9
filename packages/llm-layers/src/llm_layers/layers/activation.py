"""Activation functions: the nonlinearity between linear layers."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

STRAIGHT = 10.0
"""From here on the tanh form of GELU is x on the right and 0 on the left, its slope 1 and 0, to the last bit."""


def gelu(x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Multiply each element by the probability that a normal random number is smaller.

    Formula: y = x · Φ(x) = x · ½ (1 + erf(x / √2))

    Why it works:
        ReLU asks only whether x is above zero and cuts off the rest. GELU asks how far above: x is kept with the
        probability that a normal random number is smaller, and the result is the mean of that lottery. So it is
        smooth, close to x or to 0 far out, and a unit that is a little below zero still gets a gradient.

    Args:
        x: values of any shape and size.

    Spec: layers.gelu
    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", arXiv:1606.08415.
    """
    return F.gelu(x)


def gelu_tanh(x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Compute GELU with the normal distribution approximated by a tanh, as GPT-2 and Gemma were trained with it.

    Formula: y = x · ½ (1 + tanh(√(2/π) (x + 0.044715 x³)))

    Why it works:
        erf was slow when GELU was new, and tanh was not. √(2/π) gives the curve the right slope at zero and 0.044715
        the right curve after it; the two forms differ by less than 0.0005 everywhere. That is little, but a model must
        be run with the form that it was trained with: the difference adds up over layers.

    Args:
        x: values of any shape and size.

    Spec: layers.gelu_tanh
    Source: Hendrycks and Gimpel 2016, section 2, arXiv:1606.08415.
    """
    y: Tensor = _TanhGelu.apply(x)  # type: ignore[no-untyped-call]
    return y


class _TanhGelu(torch.autograd.Function):
    """torch's kernel, asked for its slope only where it can answer.

    torch's own gradient is 0 · ∞ = NaN where x² overflows: beyond about 5e18 in float32 and bfloat16. The slope is 1
    from `STRAIGHT` on and 0 on the other side, so it is taken there for everything farther out. (Clamping x before
    the kernel and choosing by `where` after it does the same and takes twice the time.)
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> Tensor:
        near = context.saved_tensors[0].clamp(-STRAIGHT, STRAIGHT)
        slope_of = torch.ops.aten.gelu_backward
        dx: Tensor
        if torch.is_grad_enabled():  # a gradient of the gradient is wanted
            dx = slope_of.default(*upstream, near, approximate="tanh")
        else:  # the result takes the place of the copy: in a large model that is a whole array less
            dx = slope_of.grad_input(*upstream, near, approximate="tanh", grad_input=near)
        return dx


def silu(x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Multiply each element by its own sigmoid.

    Formula: y = x · sigmoid(x) = x / (1 + exp(-x))

    Why it works:
        A gate that opens as x grows, with x itself passing through it. Like GELU it is x far to the right, 0 far to
        the left and smooth between, and it needs only one exponential. It dips to -0.28 at x = -1.28: a unit can
        say "a little less" as well as "nothing".

    Args:
        x: values of any shape and size.

    Spec: layers.silu
    Source: Elfwing et al. 2017, arXiv:1702.03118; also called swish, Ramachandran et al. 2017, arXiv:1710.05941.
    """
    return F.silu(x)


def relu_squared(x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Set what is below zero to zero, and square the rest.

    Formula: y = max(x, 0)²

    Why it works:
        Squaring makes large answers larger, so a few units decide; below zero everything is exactly 0, so most of a
        layer may be silent. Unlike ReLU it has no corner: the slope 2 max(x, 0) starts from 0 without a jump. An
        evolutionary search among small language models found it, and it was one of the two finds that paid most.

    Args:
        x: values of any shape; the square must fit into the dtype.

    Spec: layers.relu_squared
    Source: So et al. 2021, "Primer", arXiv:2109.08668.
    """
    return F.relu(x).square()
