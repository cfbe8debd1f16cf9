"""Where the norm stands: three ways to put a part onto the residual stream.

The part is one weight here, so that the joint itself can be pinned; in a model it is attention or the feed-forward
part.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from llm_layers.layers.norm import rms_norm


def pre_norm(
    x: Float[Tensor, "*batch d_model"],
    gain: Float[Tensor, " d_model"],
    weight: Float[Tensor, "d_model d_model"],
    eps: float = 1e-6,
) -> Float[Tensor, "*batch d_model"]:
    """Normalise what the part reads; add what it writes to the untouched stream.

    Formula: y = x + W norm(x)

    Why it works:
        The stream itself is never divided, so the gradient reaches the lowest block as it left the head, plus
        corrections: deep models train without a long warm-up. The price: the stream grows from block to block, so the
        same step of a late block weighs less, and nothing bounds what a part may write.

    Args:
        x: the stream.
        gain: of the norm.
        weight: the part, (out, in).
        eps: floor of the mean square.

    Spec: layers.pre_norm
    Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture", arXiv:2002.04745.
    """
    return x + F.linear(rms_norm(x, gain, eps), weight)


def post_norm(
    x: Float[Tensor, "*batch d_model"],
    gain: Float[Tensor, " d_model"],
    weight: Float[Tensor, "d_model d_model"],
    eps: float = 1e-6,
) -> Float[Tensor, "*batch d_model"]:
    """Add what the part writes, then normalise the sum: the stream has the same size after every part.

    Formula: y = norm(x + W x)

    Why it works:
        Every block hands on vectors of one size, so a late block counts as much as an early one; where such models
        train, they are good. The price: the gradient passes through every norm on its way down and is changed by each,
        so that deep stacks need a careful warm-up or do not train at all.

    Args:
        x: the stream.
        gain: of the norm.
        weight: the part, (out, in).
        eps: floor of the mean square.

    Spec: layers.post_norm
    Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762 (there with LayerNorm).
    """
    return rms_norm(x + F.linear(x, weight), gain, eps)


def branch_norm(
    x: Float[Tensor, "*batch d_model"],
    gain: Float[Tensor, " d_model"],
    weight: Float[Tensor, "d_model d_model"],
    eps: float = 1e-6,
) -> Float[Tensor, "*batch d_model"]:
    """Normalise what the part writes, just before it is added.

    Formula: y = x + norm(W x)

    Why it works:
        The stream stays untouched, as with pre-norm, and every part adds a vector of a size that its gain sets: no
        part can throw the stream off with one huge output. OLMo 2 chose it, together with query and key norms, for a
        steadier training. With a gain of zero the part adds nothing.

    Args:
        x: the stream.
        gain: of the norm.
        weight: the part, (out, in).
        eps: floor of the mean square.

    Spec: layers.branch_norm
    Source: Team OLMo 2024, "2 OLMo 2 Furious", arXiv:2501.00656; Liu et al. 2021, "Swin Transformer V2",
        arXiv:2111.09883.
    """
    return x + rms_norm(F.linear(x, weight), gain, eps)
