"""The tanh form of GELU in plain steps: for `torch.compile`, which joins steps by itself."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from llm_layers.kernels.feed_forward import GELU_TANH
from llm_layers.kernels.product import wide
from llm_layers.layers.activation import STRAIGHT


def gelu_tanh(x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Give what `llm_layers.gelu_tanh` gives, with a sigmoid for the tanh.

    Formula: y = x · σ(2 √(2/π) (x + 0.044715 x³))

    Why it works:
        Run one by one these steps are slower than torch's own kernel. A compiler makes one loop of them, also on the
        way back, and in that loop a sigmoid is one exponential where a tanh is a call of a function. `Bend` says why
        the two are the same. Where the curve is straight, beyond ±10, x³ is not asked for: it would overflow.

    Args:
        x: numbers of any shape and size.

    Spec: layers.gelu_tanh
    Source: Hendrycks and Gimpel 2016, section 2, arXiv:1606.08415.
    """
    a = wide(x).clamp_min(-STRAIGHT)
    near = a.clamp_max(STRAIGHT)
    opening = torch.sigmoid(near * (GELU_TANH.steepness + GELU_TANH.cubic * near * near))
    return (a * opening).to(x.dtype)


def gelu_feed_forward(
    x: Float[Tensor, "*batch d_model"],
    up: Float[Tensor, "d_ff d_model"],
    up_bias: Float[Tensor, " d_ff"],
    down: Float[Tensor, "d_model d_ff"],
    down_bias: Float[Tensor, " d_model"],
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.gelu_feed_forward` gives.

    Formula: y = down gelu_tanh(up x + up_bias) + down_bias

    Why it works:
        See `gelu_tanh`.

    Args:
        x: vectors along the last axis.
        up: the patterns, stored (out, in).
        up_bias: the thresholds, with the sign turned.
        down: what each unit writes.
        down_bias: what is written whatever x is.

    Spec: layers.gelu_feed_forward
    Source: Radford et al. 2019 (GPT-2).
    """
    return F.linear(gelu_tanh(F.linear(x, up, up_bias)), down, down_bias)


def geglu(
    x: Float[Tensor, "*batch d_model"],
    gate: Float[Tensor, "d_ff d_model"],
    up: Float[Tensor, "d_ff d_model"],
    down: Float[Tensor, "d_model d_ff"],
) -> Float[Tensor, "*batch d_model"]:
    """Give what `llm_layers.geglu` gives.

    Formula: y = down (gelu_tanh(gate x) ⊙ up x)

    Why it works:
        See `gelu_tanh`.

    Args:
        x: vectors along the last axis.
        gate: the questions, stored (out, in).
        up: the answers.
        down: back to the width of the stream.

    Spec: layers.geglu
    Source: Shazeer 2020, arXiv:2002.05202.
    """
    return F.linear(gelu_tanh(F.linear(x, gate)) * F.linear(x, up), down)
