"""The feed-forward part: what each position works out by itself."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers.layers.activation import gelu_tanh, relu_squared
from llm_layers.layers.linear import Linear


def swiglu(
    x: Float[Tensor, "*batch d_model"],
    gate: Float[Tensor, "d_ff d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector twice, let one copy gate the other, and narrow the product again.

    Formula: y = down (silu(gate x) ⊙ up x)  with silu(a) = a / (1 + exp(-a))

    Why it works:
        Attention moves information between positions; this part works on it within one. Each hidden unit is a small
        question (`gate`) with an answer (`up`): the question decides how much of the answer passes. The product of
        two learned functions of x is what one layer with a fixed bend cannot make. SiLU bends smoothly, so a unit that
        is off still gets a gradient.

    Args:
        x: vectors along the last axis.
        gate: the questions, stored (out, in) like all weights.
        up: the answers.
        down: back to the width of the stream.

    Spec: layers.swiglu
    Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
    """
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def geglu(
    x: Float[Tensor, "*batch d_model"],
    gate: Float[Tensor, "d_ff d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector twice, let one copy gate the other through GELU, and narrow the product again.

    Formula: y = down (gelu_tanh(gate x) ⊙ up x)

    Why it works:
        The same question and answer as in `swiglu`; only the curve of the gate differs. GELU closes faster than SiLU:
        at -3 it lets 0.004 pass where SiLU lets 0.14. In the comparison that introduced both, the two came out alike.

    Args:
        x: vectors along the last axis.
        gate: the questions, stored (out, in).
        up: the answers.
        down: back to the width of the stream.

    Spec: layers.geglu
    Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202; with the tanh form as in Gemma.
    """
    return F.linear(gelu_tanh(F.linear(x, gate)) * F.linear(x, up), down)


def gelu_feed_forward(
    x: Float[Tensor, "*batch d_model"],
    up: Float[Tensor, "d_ff d_model"],
    up_bias: Float[Tensor, " d_ff"],
    down: Float[Tensor, "d_model d_ff"],
    down_bias: Float[Tensor, " d_model"],
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector, bend it with GELU, and narrow it again: two layers, with biases, as in GPT-2.

    Formula: y = down gelu_tanh(up x + up_bias) + down_bias

    Why it works:
        Each row of `up` is a pattern, its bias a threshold: the unit answers where x fits the pattern better than the
        threshold asks. Its column of `down` is what it then writes. Without the bend the two matrices would be no
        more than their product, one matrix.

    Args:
        x: vectors along the last axis.
        up: the patterns, stored (out, in).
        up_bias: the thresholds, with the sign turned.
        down: what each unit writes.
        down_bias: what is written whatever x is.

    Spec: layers.gelu_feed_forward
    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2).
    """
    return F.linear(gelu_tanh(F.linear(x, up, up_bias)), down, down_bias)


def relu_squared_feed_forward(
    x: Float[Tensor, "*batch d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Widen each vector, square what is above zero, and narrow it again.

    Formula: y = down max(up x, 0)²

    Why it works:
        A square is a product of a number with itself, so this part multiplies as a gated one does, with two matrices
        instead of three. Most units are exactly 0 for a given x: each token is worked on by the few that fit it.

    Args:
        x: vectors along the last axis.
        up: the patterns, stored (out, in).
        down: what each unit writes.

    Spec: layers.relu_squared_feed_forward
    Source: So et al. 2021, "Primer", arXiv:2109.08668.
    """
    return F.linear(relu_squared(F.linear(x, up)), down)


class SwiGLU(nn.Module):
    """Holds the three weights of `swiglu`."""

    def __init__(
        self, d_model: int, d_ff: int, *, kernel: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = swiglu
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.gate = Linear(d_model, d_ff)
        self.up = Linear(d_model, d_ff)
        self.down = Linear(d_ff, d_model)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return self.kernel(x, self.gate.weight, self.up.weight, self.down.weight)


class GeGLU(nn.Module):
    """Holds the three weights of `geglu`."""

    def __init__(
        self, d_model: int, d_ff: int, *, kernel: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = geglu
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.gate = Linear(d_model, d_ff)
        self.up = Linear(d_model, d_ff)
        self.down = Linear(d_ff, d_model)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return self.kernel(x, self.gate.weight, self.up.weight, self.down.weight)


class GeluFeedForward(nn.Module):
    """Holds the two weights and two biases of `gelu_feed_forward`."""

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        kernel: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor] = gelu_feed_forward,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.up = Linear(d_model, d_ff, bias=True)
        self.down = Linear(d_ff, d_model, bias=True)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        assert self.up.bias is not None and self.down.bias is not None, "both were made with a bias"
        return self.kernel(x, self.up.weight, self.up.bias, self.down.weight, self.down.bias)


class ReluSquaredFeedForward(nn.Module):
    """Holds the two weights of `relu_squared_feed_forward`."""

    def __init__(
        self, d_model: int, d_ff: int, *, kernel: Callable[[Tensor, Tensor, Tensor], Tensor] = relu_squared_feed_forward
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.up = Linear(d_model, d_ff)
        self.down = Linear(d_ff, d_model)

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """Work on every position by itself."""
        return self.kernel(x, self.up.weight, self.down.weight)
