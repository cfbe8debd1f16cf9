"""The feed-forward part: what each position computes by itself."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from llm_layers.layers.activation import gelu_tanh, relu_squared, silu
from llm_layers.layers.linear import Linear, LinearKernel, LinearMap, linear
from llm_layers.layers.precision import like, wide

FeedForwardKernel = Callable[..., Tensor]
"""Vectors and two or three linear layers in, the result out: one of the four functions of this file, or another
function of its contract."""


def swiglu(
    x: Float[Tensor, "*batch d_model"], gate: LinearMap, up: LinearMap, down: LinearMap
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector twice, let one copy gate the other, and narrow the product again.

    Formula: y = down(silu(gate(x)) ⊙ up(x))  with silu(a) = a / (1 + exp(-a))

    Why it works:
        Attention moves information between positions; this part works on it within one. Each hidden unit is a small
        question (`gate`) with an answer (`up`): the question decides how much of the answer passes. The product of
        two learned functions of x is what one layer with a fixed nonlinearity cannot make. SiLU is smooth, so a unit
        that is off still gets a gradient.

    Args:
        x: vectors along the last axis.
        gate: the gate projection, a linear layer from d_model to d_ff.
        up: the up projection, from d_model to d_ff.
        down: the down projection, from d_ff to d_model.

    Spec: layers.swiglu
    Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
    """
    return like(down(wide(silu(gate(x))) * wide(up(x))), x)


def geglu(
    x: Float[Tensor, "*batch d_model"], gate: LinearMap, up: LinearMap, down: LinearMap
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector twice, let one copy gate the other through GELU, and narrow the product again.

    Formula: y = down(gelu_tanh(gate(x)) ⊙ up(x))

    Why it works:
        The same question and answer as in `swiglu`; only the curve of the gate differs. GELU closes faster than SiLU:
        at -3 it lets 0.004 pass where SiLU lets 0.14. In the comparison that introduced both, the two came out alike.

    Args:
        x: vectors along the last axis.
        gate: the gate projection, a linear layer from d_model to d_ff.
        up: the up projection, from d_model to d_ff.
        down: the down projection, from d_ff to d_model.

    Spec: layers.geglu
    Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202; with the tanh form as in Gemma.
    """
    return like(down(wide(gelu_tanh(gate(x))) * wide(up(x))), x)


def gelu_feed_forward(
    x: Float[Tensor, "*batch d_model"], up: LinearMap, down: LinearMap
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector, apply GELU, and narrow it again: two layers, with biases, as in GPT-2.

    Formula: y = down(gelu_tanh(up(x)))  with up(x) = W x + b and down alike

    Why it works:
        Each row of `up` is a pattern, its bias a threshold: the unit answers where x fits the pattern better than the
        threshold asks. Its column of `down` is what it then writes. Without the nonlinearity the two matrices would be
        no more than their product, one matrix.

    Args:
        x: vectors along the last axis.
        up: a linear layer with a bias, from d_model to d_ff.
        down: a linear layer with a bias, from d_ff to d_model.

    Spec: layers.gelu_feed_forward
    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2).
    """
    return down(gelu_tanh(up(x)))


def relu_squared_feed_forward(
    x: Float[Tensor, "*batch d_model"], up: LinearMap, down: LinearMap
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector, square what is above zero, and narrow it again.

    Formula: y = down(max(up(x), 0)²)

    Why it works:
        A square is a product of a number with itself, so this part multiplies as a gated one does, with two matrices
        instead of three. Most units are exactly 0 for a given x: each token is worked on by the few that fit it.

    Args:
        x: vectors along the last axis.
        up: a linear layer from d_model to d_ff.
        down: a linear layer from d_ff to d_model.

    Spec: layers.relu_squared_feed_forward
    Source: So et al. 2021, "Primer", arXiv:2109.08668.
    """
    return like(down(relu_squared(wide(up(x)))), x)


class SwiGLU(nn.Module):
    """Holds the three linear layers of `swiglu`.

    Any of them may be replaced by one that multiplies in its own way, such as a quantized or a LoRA layer.

    Args:
        d_model: width of the stream.
        d_ff: width inside.
        bias: whether each linear layer adds a bias.
        kernel: what computes each linear layer.
        function: what computes it all from them.
    """

    def __init__(
        self, d_model: int, d_ff: int, *, bias: bool = False, kernel: LinearKernel = linear,
        function: FeedForwardKernel = swiglu,
    ) -> None:  # fmt: skip
        super().__init__()
        self.function = function
        self.gate = Linear(d_model, d_ff, bias=bias, kernel=kernel)
        self.up = Linear(d_model, d_ff, bias=bias, kernel=kernel)
        self.down = Linear(d_ff, d_model, bias=bias, kernel=kernel)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return self.function(x, self.gate, self.up, self.down)


class GeGLU(SwiGLU):
    """Holds the three linear layers of `geglu`; made as `SwiGLU` is."""

    def __init__(
        self, d_model: int, d_ff: int, *, bias: bool = False, kernel: LinearKernel = linear,
        function: FeedForwardKernel = geglu,
    ) -> None:  # fmt: skip
        super().__init__(d_model, d_ff, bias=bias, kernel=kernel, function=function)


class GeluFeedForward(nn.Module):
    """Holds the two linear layers, with biases unless told otherwise, of `gelu_feed_forward`.

    Args:
        d_model: width of the stream.
        d_ff: width inside.
        bias: whether each linear layer adds a bias.
        kernel: what computes each linear layer.
        function: what computes it all from them.
    """

    def __init__(
        self, d_model: int, d_ff: int, *, bias: bool = True, kernel: LinearKernel = linear,
        function: FeedForwardKernel = gelu_feed_forward,
    ) -> None:  # fmt: skip
        super().__init__()
        self.function = function
        self.up = Linear(d_model, d_ff, bias=bias, kernel=kernel)
        self.down = Linear(d_ff, d_model, bias=bias, kernel=kernel)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return self.function(x, self.up, self.down)


class ReluSquaredFeedForward(GeluFeedForward):
    """Holds the two linear layers of `relu_squared_feed_forward`; made as `GeluFeedForward` is, but without biases."""

    def __init__(
        self, d_model: int, d_ff: int, *, bias: bool = False, kernel: LinearKernel = linear,
        function: FeedForwardKernel = relu_squared_feed_forward,
    ) -> None:  # fmt: skip
        super().__init__(d_model, d_ff, bias=bias, kernel=kernel, function=function)
